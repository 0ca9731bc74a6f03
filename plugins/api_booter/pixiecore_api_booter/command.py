"""``pixiecore api SERVER``: the command that users of the Go Pixiecore type, over the API booter.

Every setting of the booter is an option of it, declared once, in the settings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_origin

import click

from pixiecore_api_booter.settings import ApiSettings

Function = TypeVar("Function", bound=Callable[..., Any])


def _settings_options(function: Function) -> Function:
    """Decorator: one option for each setting but the URL, which is an argument here."""
    for key, field in reversed(ApiSettings.model_fields.items()):
        if key == "url":
            continue
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        text = f"{(field.description or '')[:1].upper()}{(field.description or '')[1:]}."
        shown = f"{text} [default: {field.default}]" if field.default else text
        option = click.option(
            f"--{key.replace('_', '-')}",
            multiple=get_origin(field.annotation) is list,
            metavar=str(extra.get("metavar", key.upper())),
            help=shown,
        )
        function = option(function)
    return function


@click.command("api", short_help="Ask an API what each machine boots.")
@click.argument("server")
@_settings_options
# The Go tool's, which are in people's unit files; they have no meaning here.
@click.option("--status-port", hidden=True, expose_value=False)
@click.option("--ui-assets-dir", hidden=True, expose_value=False)
def api(server: str, **settings: Any) -> dict[str, Any]:
    """Ask the API at the URL SERVER what each machine boots, beside the DHCP server you have.

    For each machine that asks, SERVER/v1/boot/MAC is fetched. For example:

        pixiecore api http://boot.example.net:8080/pixiecore
    """
    given = {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items() if value}
    return {"url": server, **given}

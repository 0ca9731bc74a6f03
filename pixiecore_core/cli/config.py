"""``pixiecore config``: every effective setting with its source, as a server started the same way would have it.

Secrets are not shown. Starts nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from pixiecore_core.cli.options import given_options, model_options
from pixiecore_core.cli.run import BOOTER, BOOTER_PREFIX, RunCommand
from pixiecore_core.cli.serve import CONFIG_OPTION
from pixiecore_core.cli.stack import POLICY_PREFIX, Platform
from pixiecore_core.files.upstream import shown
from pixiecore_core.models import FileRef
from pixiecore_core.settings import Endpoint, ServerSettings, gather, option_name, read_toml, resolve

_SECRET_WORDS = ("password", "secret", "token")
_HIDDEN = "(hidden)"


def _config(ctx: click.Context, /, **values: Any) -> None:
    platform: Platform = ctx.obj
    config: Path | None = values["config"]
    tables = read_toml(config) if config else {}
    platform.check_names(tables)
    server = given_options(ctx, ServerSettings)
    _print("[server]", _lines(ServerSettings, "", server, tables.get("server", {}), "[server]"))
    booter = ctx.meta.get(BOOTER)
    if booter is not None:
        given = given_options(ctx, booter.Settings, BOOTER_PREFIX)
        title = f"[booter.{booter.name}]"
        table = tables.get("booter", {}).get(booter.name, {})
        _print(title, _lines(booter.Settings, booter.name, given, table, title))
    for name, policy in sorted(platform.policies.classes.items()):
        title = f"[plugin.{name}]"
        given = given_options(ctx, policy.Settings, f"{POLICY_PREFIX}{name}__")
        options = {key: option_name(f"{name}_{key}") for key in policy.Settings.model_fields}
        table = tables.get("plugin", {}).get(name, {})
        _print(title, _lines(policy.Settings, name, given, table, title, options))


def _print(title: str, lines: Iterator[tuple[str, str, str]]) -> None:
    click.echo(title)
    for key, value, source in lines:
        click.echo(f"{key} = {value}".ljust(48) + f"  # {source}")
    click.echo()


def _lines(
    model: type[BaseModel],
    section: str,
    given: Mapping[str, Any],
    table: Mapping[str, Any],
    title: str,
    options: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, str, str]]:
    """Each setting's name, value and source."""
    sources = (section, given, os.environ, table, title, options, ("booter",) if not section else ())
    _, written = gather(model, *sources)
    settings = resolve(model, *sources)
    for key, field in model.model_fields.items():
        yield key, _shown(key, field, getattr(settings, key)), written.get(key, "default")


def _shown(key: str, field: FieldInfo, value: Any) -> str:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    named = any(word in key for word in _SECRET_WORDS) and not key.endswith("_file")
    if value not in (None, "") and (named or isinstance(value, SecretStr) or extra.get("secret")):
        return _HIDDEN
    return _toml(value)


def _toml(value: Any) -> str:
    """*value* as it would stand in a TOML file, more or less."""
    match value:
        case None:
            return '""'
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case Endpoint(address=None, port=port):
            return str(port)
        case Endpoint(address=address, port=port):
            return f'"{address}:{port}"'
        case FileRef(location=location):
            return _toml(location)
    text = shown(str(value)) if "://" in str(value) else str(value)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


config_command = RunCommand(
    "config",
    callback=click.pass_context(_config),
    params=[
        click.Option(["--booter"], metavar="NAME", help="Show this booter's settings too."),
        CONFIG_OPTION,
        *model_options(ServerSettings),
    ],
    help="Print every setting with its value and where that comes from, as `pixiecore run` with the same options would "
    "have it.\n\nFor example: pixiecore config --booter static --kernel ./vmlinuz --config pixiecore.toml",
    short_help="Print every setting and where it comes from.",
)

"""``pixiecore config``: every effective setting with its source, as a server started the same way would have it.

What was given is printed as ``--config`` reads it back; defaults and secrets are comments, so that reading it back sets
neither. Starts nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click
from pydantic import BaseModel

from pixiecore_core.cli.completing import booters
from pixiecore_core.cli.configuring import CONFIG_OPTION, configuration
from pixiecore_core.cli.documents import json_option, kept_clean, print_document
from pixiecore_core.cli.options import given_options, server_options
from pixiecore_core.cli.run import BOOTER, BOOTER_PREFIX, BOOTER_SOURCE, RunCommand
from pixiecore_core.cli.settings_template import template
from pixiecore_core.cli.stack import Platform
from pixiecore_core.cli.toml import hide, toml, toml_key
from pixiecore_core.cli.variables import warn_of_unread_variables
from pixiecore_core.settings.configuration import Section
from pixiecore_core.settings.spelling import spelled

_DEFAULT = "default"
_WIDTH = 48


@dataclass(frozen=True, slots=True)
class Line:
    """One setting."""

    key: str
    value: Any
    """As it is spelled, without secrets; ``None`` where it is not set."""
    source: str
    whole: bool = True
    """Whether nothing of the value was hidden."""

    def __str__(self) -> str:
        try:
            said = f"{toml_key(self.key)} = {toml(self.value)}"
        except ValueError:
            said, readable = f"{self.key} is not set", False
        else:
            readable = self.whole and self.source != _DEFAULT
        source = self.source if self.whole else f"{self.source}; hidden here, and so not read back"
        return (said if readable else f"# {said}").ljust(_WIDTH) + f"  # {source}"


def _config(ctx: click.Context, /, as_json: bool, as_template: bool, **values: Any) -> None:
    if as_template:
        click.echo(template(ctx.find_root().obj), nl=False)
        return
    with kept_clean(as_json):
        tables = _tables(ctx)
    if as_json:
        print_document(_document(tables))
        return
    for section, lines in tables:
        click.echo(section.layers.title)
        for line in lines:
            click.echo(line)
        click.echo()


def _tables(ctx: click.Context) -> list[tuple[Section, list[Line]]]:
    """Every table with its settings.

    :raises ConfigError: there are mistakes in them
    """
    booter = ctx.meta.get(BOOTER)
    given = {} if booter is None else given_options(ctx, booter.Settings, BOOTER_PREFIX)
    config = configuration(ctx, None if booter is None else booter.name, given)
    settings = config.settle()
    warn_of_unread_variables(ctx)
    made = {"server": settings.server, "booter": settings.booter}
    return [
        (
            section,
            [
                *(_read_earlier(ctx) if section.kind == "server" else ()),
                *_lines(section, made.get(section.kind) or settings.policies[section.name]),
            ],
        )
        for section in config.sections()
    ]


def _read_earlier(ctx: click.Context) -> Iterator[Line]:
    """What is no field of the server's model: it decides which settings there are, before any is read."""
    platform: Platform = ctx.find_root().obj
    if BOOTER in ctx.meta:
        yield Line("booter", ctx.meta[BOOTER].name, ctx.meta[BOOTER_SOURCE])
    if platform.disabled:
        sources = dict.fromkeys(platform.disabled.values())
        yield Line("disable_plugin", list(platform.disabled), ", ".join(sources))


def _lines(section: Section, settings: BaseModel) -> Iterator[Line]:
    values, written = section.layers.gather(section.model)
    for key, field in section.model.model_fields.items():
        value, given = getattr(settings, key), values.get(key)
        # A listener that is off is None; and a table reads back as it was written, whatever model it became.
        value = spelled(given if value is None or _has_table(given) else value)
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        shown, whole = hide(key, value, bool(extra.get("secret")))
        yield Line(key, shown, written.get(key, _DEFAULT), whole)


def _has_table(given: Any) -> bool:
    return isinstance(given, Mapping) or (isinstance(given, list) and any(map(_has_table, given)))


def _document(tables: list[tuple[Section, list[Line]]]) -> dict[str, Any]:
    """The same for programs."""
    document: dict[str, Any] = {"server": {}, "booter": {}, "plugin": {}}
    for section, lines in tables:
        table = document[section.kind] if not section.name else document[section.kind].setdefault(section.name, {})
        for line in lines:
            table[line.key] = {
                "value": line.value if line.whole else None,
                "source": line.source,
                "hidden": not line.whole,
            }
    return document


config_command = RunCommand(
    "config",
    callback=click.pass_context(_config),
    params=[
        click.Option(["--booter"], metavar="NAME", shell_complete=booters, help="Show this booter's settings too."),
        CONFIG_OPTION,
        json_option(),
        click.Option(
            ["--template", "as_template"],
            is_flag=True,
            help="Print a settings file to begin with: every setting, explained and commented out.",
        ),
        *server_options(),
    ],
    help="Print every setting with its value and where that comes from, as `pixiecore run` with the same options would "
    "have it. What it prints is a settings file: --config reads it back. Defaults and secrets stand in it as "
    "comments.\n\nFor example: pixiecore config --booter static --kernel ./vmlinuz --config pixiecore.toml",
    short_help="Print every setting and where it comes from.",
)

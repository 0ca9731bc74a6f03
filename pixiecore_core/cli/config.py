"""``pixiecore config``: every effective setting with its source, as a server started the same way would have it.

Secrets are not shown. Starts nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from pixiecore_core.cli.hidden import HIDDEN, is_secret, without_secrets
from pixiecore_core.cli.options import given_options, server_options
from pixiecore_core.cli.run import BOOTER, BOOTER_PREFIX, BOOTER_SOURCE, RunCommand
from pixiecore_core.cli.serve import CONFIG_OPTION
from pixiecore_core.cli.stack import Platform, policy_sources
from pixiecore_core.cli.variables import warn_of_unread_variables
from pixiecore_core.models import FileRef
from pixiecore_core.settings import Endpoint, Sources, read_toml


def _config(ctx: click.Context, /, **values: Any) -> None:
    platform: Platform = ctx.obj
    config: Path | None = values["config"]
    tables = read_toml(config) if config else {}
    platform.check_names(tables)
    warn_of_unread_variables(ctx)
    booter = ctx.meta.get(BOOTER)
    server = Sources.server(given_options(ctx, platform.server_settings), os.environ, tables)
    # No field of the model: which booter it is decides which options there are, before any is read.
    named = None if booter is None else ("booter", _toml(booter.name), ctx.meta[BOOTER_SOURCE])
    _print(platform.server_settings, server, named)
    if booter is not None:
        given = given_options(ctx, booter.Settings, BOOTER_PREFIX)
        _print(booter.Settings, Sources.booter(booter.name, given, os.environ, tables))
    for name, policy in sorted(platform.policies.classes.items()):
        _print(policy.Settings, policy_sources(ctx, name, policy.Settings, os.environ, tables))


def _print(model: type[BaseModel], sources: Sources, first: tuple[str, str, str] | None = None) -> None:
    """Each setting's name, value and source.

    :param first: one that is none of *model*'s
    """
    _, written = sources.gather(model)
    settings = sources.resolve(model)
    click.echo(sources.title)
    lines = [] if first is None else [first]
    for key, field in model.model_fields.items():
        lines.append((key, _shown(key, field, getattr(settings, key)), written.get(key, "default")))
    for key, value, source in lines:
        click.echo(f"{key} = {value}".ljust(48) + f"  # {source}")
    click.echo()


def _shown(key: str, field: FieldInfo, value: Any) -> str:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    return HIDDEN if extra.get("secret") and value not in (None, "") else _named(key, value)


def _named(key: str, value: Any) -> str:
    """The value of a setting, or of a key in one, that is called *key*."""
    # The path of a secret, or whether there is one, is no secret.
    told = value in (None, "") or isinstance(value, (bool, Path))
    return HIDDEN if is_secret(key) and not told else _toml(value)


def _toml(value: Any) -> str:
    """*value* as it would stand in a TOML file, more or less."""
    match value:
        case SecretStr() | SecretBytes():
            return HIDDEN
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
        case BaseModel():
            return _toml({key: getattr(value, key) for key in type(value).model_fields})
        case Mapping():
            return f"{{{', '.join(f'{key} = {_named(str(key), inner)}' for key, inner in value.items())}}}"
        case set() | frozenset():
            return _toml(sorted(value, key=str))
    escaped = without_secrets(str(value)).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


config_command = RunCommand(
    "config",
    callback=click.pass_context(_config),
    params=[
        click.Option(["--booter"], metavar="NAME", help="Show this booter's settings too."),
        CONFIG_OPTION,
        *server_options(),
    ],
    help="Print every setting with its value and where that comes from, as `pixiecore run` with the same options would "
    "have it.\n\nFor example: pixiecore config --booter static --kernel ./vmlinuz --config pixiecore.toml",
    short_help="Print every setting and where it comes from.",
)

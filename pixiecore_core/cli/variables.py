"""Warns of environment variables that look like settings and that nobody reads: a policy that a misspelt one was to
switch on would silently be off. An environment is shared, so that a stranger's variable ends nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

import click

from pixiecore_core.cli.checks import known_variables
from pixiecore_core.cli.stack import Platform
from pixiecore_core.closest import nearest
from pixiecore_core.settings.names import variable_name

_PREFIX = "PIXIECORE_"
_OURS = re.compile(r"PIXIECORE_[A-Z0-9_]+")


def unread_variables(ctx: click.Context, environment: Mapping[str, str]) -> list[str]:
    """One line for each variable that nobody reads."""
    platform: Platform = ctx.find_root().obj
    known = {*known_variables(platform), *_of_commands(ctx.find_root().command)}
    # Without what they all begin with, by which alone all would be near.
    short = {name.removeprefix(_PREFIX) for name in known}
    left_aside = tuple(f"{variable_name('', name)}_" for name in platform.disabled)
    lines = []
    for name in sorted(environment):
        if not _OURS.fullmatch(name) or name in known or name.startswith(left_aside):
            continue
        near = nearest(name.removeprefix(_PREFIX), short)
        if near is not None:
            lines.append(f"{name}: there is no setting {name!r}; did you mean {_PREFIX + near!r}?")
        elif not platform.disabled:
            # What a disabled plugin offers may have other names than the plugin.
            lines.append(f"{name}: there is no setting {name!r}, and nothing reads it; see: pixiecore config")
    return lines


def warn_of_unread_variables(ctx: click.Context) -> None:
    """A line on standard error for each, of a command that has no log."""
    for line in unread_variables(ctx, os.environ):
        click.echo(f"Warning: {line}", err=True)


def _of_commands(command: click.Command) -> Iterator[str]:
    """The variables of options that are not settings, of all commands."""
    for param in command.params:
        yield from [param.envvar] if isinstance(param.envvar, str) else param.envvar or ()
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from _of_commands(inner)

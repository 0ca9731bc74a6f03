"""docs/reference/commands.md: every command with its help, arguments and options, walked from the click group."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator

import click

from pixiecore_core.cli.main import command_line
from pixiecore_core.cli.options import server_options
from pixiecore_core.cli.run import RunCommand
from pixiecore_core.cli.stack import is_policy_option
from pixiecore_core.plugins.installed import load

from .installed import of_this_repository
from .prose import one_line

_SERVER = {option.name for option in server_options()}


def page() -> str:
    """The page."""
    parts = [
        "# Commands",
        "`pixiecore COMMAND --help` says the same. A usage error ends with status 2, any other failure with 1. "
        "Commands of plugins are there where the plugin is installed. A server ends on SIGTERM and on SIGINT (Ctrl-C); "
        "SIGHUP has plugins read their files again ([`on_reload`](hooks.md#on_reload)).",
    ]
    for path, command, context in walk():
        parts += [f"{'#' * min(len(path) + 1, 3)} `{' '.join(path)}`", *_describe(command, context)]
    return "\n\n".join(parts) + "\n"


def walk() -> Iterator[tuple[list[str], click.Command, click.Context]]:
    """Every command, those of groups behind their group: the words that are typed, the command, its context."""
    ours = of_this_repository()
    others = sorted(plugin.name for plugin in load() if plugin.distribution not in ours)
    os.environ["PIXIECORE_DISABLE_PLUGIN"] = ",".join(others)
    yield from _walk(["pixiecore"], command_line(), None)


def _walk(
    path: list[str], command: click.Command, parent: click.Context | None
) -> Iterator[tuple[list[str], click.Command, click.Context]]:
    context = click.Context(command, info_name=path[-1], parent=parent)
    names = command.list_commands(context) if isinstance(command, click.Group) else []
    yield path, command, context
    for name in names:
        found = command.get_command(context, name) if isinstance(command, click.Group) else None
        if found is not None:
            yield from _walk([*path, name], found, context)


def _describe(command: click.Command, context: click.Context) -> Iterator[str]:
    help_text = inspect.cleandoc(command.help or "")
    if not help_text:
        raise LookupError(f"command {context.command_path} has no help")
    yield f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```"
    yield from _help(help_text)
    own = [param for param in _options(command) if not is_policy_option(param.name or "")]
    serves = {param.name for param in own} >= _SERVER
    rows = [_row(option) for option in own if not (serves and option.name in _SERVER)]
    if rows:
        yield "\n".join(["| option | meaning |", "|---|---|", *rows])
    further = _further(command, serves)
    if further:
        yield f"Further options: {further}."


def _options(command: click.Command) -> list[click.Option]:
    return [param for param in command.params if isinstance(param, click.Option) and not param.hidden]


def _help(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text):
        example = re.fullmatch(r"(.*?)For example: (pixiecore .*)", " ".join(paragraph.split()))
        if paragraph.startswith("    "):
            yield f"```sh\n{inspect.cleandoc(paragraph)}\n```"
        elif example:
            yield f"{example[1]}For example:\n\n```sh\n{example[2]}\n```"
        else:
            yield " ".join(paragraph.split())


def _row(option: click.Option) -> str:
    choices = "|".join(map(str, option.type.choices)) if isinstance(option.type, click.Choice) else ""
    metavar = "" if option.is_flag else f" {option.metavar or choices or (option.type.name or '').upper()}"
    names = ", ".join(f"`{one_line(name + metavar)}`" for name in sorted(option.opts, key=len, reverse=True))
    if not option.help:
        raise LookupError(f"option {option.opts[0]} has no help")
    return f"| {names} | {one_line(option.help)} |"


def _further(command: click.Command, serves: bool) -> str:
    groups = []
    if isinstance(command, RunCommand):
        groups.append("those of the chosen [booter](settings.md#static-booter)")
    if serves:
        groups.append("[the server's](settings.md#server)")
    if any(is_policy_option(param.name or "") for param in command.params):
        groups.append("[the policies'](settings.md#policies)")
    return ", ".join(groups)

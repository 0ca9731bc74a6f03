"""Parses pixiecore commands as the command line would, and runs none."""

from __future__ import annotations

import contextlib
import tempfile

import click

from pixiecore_core.cli.main import command_line
from pixiecore_core.errors import PixiecoreError


def wrong_with(commands: list[tuple[list[str], str]]) -> list[str | None]:
    """What is wrong with each of the commands, or ``None``: their arguments, and the text of the settings file."""
    group = command_line()
    root = click.Context(group, info_name="pixiecore")
    group.list_commands(root)
    return [_wrong_with(group, list(arguments), settings, root.obj) for arguments, settings in commands]


def _wrong_with(group: click.Group, arguments: list[str], settings: str, obj: object) -> str | None:
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(settings)
        file.flush()
        for position, argument in enumerate(arguments):
            if argument == "--config":
                arguments[position + 1] = file.name
        try:
            with contextlib.redirect_stdout(None):
                _parse(group, "pixiecore", arguments, None, obj)
        except click.exceptions.Exit:  # --help, --version
            return None
        except click.ClickException as error:
            # Whether a file of the page's is here does not matter.
            return None if error.message.endswith("does not exist.") else error.format_message()
        except PixiecoreError as error:
            return str(error)
    return None


def _parse(command: click.Command, name: str, arguments: list[str], parent: click.Context | None, obj: object) -> None:
    """Raises what the command line would say.

    :raises click.ClickException: as click says it
    :raises PixiecoreError: as Pixiecore says it
    """
    context = command.make_context(name, list(arguments), parent=parent, obj=obj)
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        found, subcommand, further = command.resolve_command(context, rest)
        assert subcommand is not None
        _parse(subcommand, found or "", further, context, obj)

"""Parses pixiecore commands as the command line would, and runs none: `python -m tests.docs.command_line`.

Reads a JSON list of [arguments, settings file's text], writes a JSON list of what is wrong with each, or null. In a
process of its own, since the commands are assembled once in each.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile

import click

from pixiecore_core.cli.main import command_line
from pixiecore_core.errors import PixiecoreError

PIXIECORE = command_line()


def parse(command: click.Command, name: str, arguments: list[str], parent: click.Context | None, obj: object) -> None:
    """Raises what the command line would say.

    :raises click.ClickException: as click says it
    :raises PixiecoreError: as Pixiecore says it
    """
    context = command.make_context(name, list(arguments), parent=parent, obj=obj)
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        found, subcommand, further = command.resolve_command(context, rest)
        assert subcommand is not None
        parse(subcommand, found or "", further, context, obj)


def wrong_with(arguments: list[str], settings: str, obj: object) -> str | None:
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(settings)
        file.flush()
        for position, argument in enumerate(arguments):
            if argument == "--config":
                arguments[position + 1] = file.name
        try:
            with contextlib.redirect_stdout(None):
                parse(PIXIECORE, "pixiecore", arguments, None, obj)
        except click.exceptions.Exit:  # --help, --version
            return None
        except click.ClickException as error:
            # Whether a file of the page's is here does not matter.
            return None if error.message.endswith("does not exist.") else error.format_message()
        except PixiecoreError as error:
            return str(error)
    return None


if __name__ == "__main__":
    root = click.Context(PIXIECORE, info_name="pixiecore")
    PIXIECORE.list_commands(root)
    asked: list[tuple[list[str], str]] = json.load(sys.stdin)
    json.dump([wrong_with(arguments, settings, root.obj) for arguments, settings in asked], sys.stdout)

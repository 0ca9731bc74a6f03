"""Asks for settings in the name of a command: what click was given, what is installed here, the file that it names.

What all commands that read settings have in common; the merging and the words for mistakes are in settings/.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pixiecore_core.cli.options import given_options
from pixiecore_core.cli.stack import Platform, policy_prefix
from pixiecore_core.errors import ConfigError
from pixiecore_core.settings.configuration import Configuration, Given, Known, Settled
from pixiecore_core.settings.file import SettingsFile

CONFIG_OPTION = click.Option(
    ["--config"],
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="PIXIECORE_CONFIG",
    help="Read settings from this TOML file.",
)

SOURCES = """Every server option may also come from the environment, as PIXIECORE_ and its name (PIXIECORE_PORT),
or from the [server] table of a TOML file given with --config. The command line wins, then the environment, then the
file."""

_FILES = "pixiecore.settings_files"


def settings_file(ctx: click.Context, path: str | Path | None) -> SettingsFile:
    """The settings file at *path*, or none. Read once for each command: it may be a pipe.

    :raises ConfigError: it cannot be read, or is not TOML
    """
    if not path:
        return SettingsFile()
    files: dict[str, SettingsFile] = ctx.meta.setdefault(_FILES, {})
    if str(path) not in files:
        files[str(path)] = SettingsFile.read(Path(path))
    return files[str(path)]


def file_of(ctx: click.Context, arguments: Sequence[str]) -> SettingsFile:
    """The settings file that *arguments*, not parsed yet, or the environment name: it may say which booter there is and
    which plugins are left out, and they decide which options there are.

    :raises ConfigError: as :func:`settings_file`
    """
    return settings_file(ctx, argument(arguments, "--config") or os.environ.get("PIXIECORE_CONFIG"))


def argument(arguments: Sequence[str], option: str) -> str | None:
    """The value of *option* in *arguments* that are not parsed yet."""
    for position, text in enumerate(arguments):
        if text == "--":
            break
        if text.startswith(option + "="):
            return text.partition("=")[2]
        if text == option and position + 1 < len(arguments):
            return arguments[position + 1]
    return None


def configuration(
    ctx: click.Context,
    booter: str | None = None,
    given: Mapping[str, Any] | None = None,
    arguments: Mapping[str, str] | None = None,
    file: SettingsFile | None = None,
    only: Collection[str] | None = None,
) -> Configuration:
    """What was set for the command of *ctx*.

    :param booter: the chosen booter's name, if there is one
    :param given: what the command line gave of its settings, and
    :param arguments: what they are called there, where that is not their option's name
    :param file: the settings file, where the command's own arguments have not been parsed yet
    :param only: the server's settings that have an option here, where other options are called as further ones are
    :raises ConfigError: the settings file cannot be read, or is not TOML
    """
    platform: Platform = ctx.find_root().obj
    booters = {name: offered.Settings for name, offered in platform.booters.classes.items()}
    policies = {name: offered.Settings for name, offered in platform.policies.classes.items()}
    return Configuration(
        Known(platform.server_settings, booters, policies, platform.disabled),
        settings_file(ctx, ctx.params.get("config")) if file is None else file,
        os.environ,
        Given(
            given_options(ctx, platform.server_settings, only=only),
            given or {},
            arguments or {},
            {name: given_options(ctx, model, policy_prefix(name)) for name, model in policies.items()},
        ),
        booter,
    )


def settled(
    ctx: click.Context,
    booter: str | None,
    given: Mapping[str, Any] | None = None,
    arguments: Mapping[str, str] | None = None,
    only: Collection[str] | None = None,
) -> tuple[type[Any], Settled]:
    """The class of the booter of this name, and all settings of a server with it; the arguments are those of
    :func:`configuration`.

    :raises ConfigError: there is no such booter, or settings are mistaken; all of it is told
    """
    platform: Platform = ctx.find_root().obj
    try:
        chosen = platform.booters.choose(booter)
    except ConfigError as error:
        configuration(ctx, only=only).settle([error])
        raise
    return chosen, configuration(ctx, booter, given, arguments, only=only).settle()

"""What ``register_commands`` is given: adds a plugin's commands to ``pixiecore``, those that serve with all options.

Looks at what is added and refuses what cannot be a command, by the plugin's name. Serves nothing before one is called.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import click

from pixiecore_core.cli.configuring import CONFIG_OPTION, SOURCES
from pixiecore_core.cli.options import server_options
from pixiecore_core.cli.serve import run
from pixiecore_core.errors import ConfigError

_BOOTER_SOURCES = """So may the booter's own, as PIXIECORE_, its name and theirs (PIXIECORE_STATIC_CMDLINE), or from the
table [booter.NAME]."""


class Commands:
    """See :class:`pixiecore_core.hookspecs.CommandRegistrar`.

    :param plugin: whose commands are added
    :param group: where to
    :param owners: which plugin each command that is not the core's belongs to, by its name; this plugin's are added
    """

    def __init__(self, plugin: str, group: click.Group, owners: dict[str, str]) -> None:
        self._plugin = plugin
        self._group = group
        self._owners = owners

    def add(self, command: click.Command) -> None:
        """Add *command*.

        :raises ConfigError: it is not a command with a name, or its name is taken
        """
        if not isinstance(command, click.Command) or not command.name:
            raise ConfigError(self._who, f"{command!r} is not a click command with a name")
        name = command.name
        if name in self._group.commands:
            whose = f"plugin {self._owners[name]!r} has it" if name in self._owners else "the core has it"
            raise ConfigError(self._who, f"its command {name!r} exists already, {whose}; use --disable-plugin")
        self._group.add_command(command)
        self._owners[name] = self._plugin

    def add_serving(self, command: click.Command, booter: str, arguments: Mapping[str, str] | None = None) -> None:
        """Add *command*, which serves with the booter of this name.

        :raises ConfigError: as :meth:`add`, or it has no function
        """
        callback = getattr(command, "callback", None)
        if callback is None:
            raise ConfigError(self._who, f"{command!r} is not a click command with a function")
        serving = copy.copy(command)
        serving.params = [*command.params, CONFIG_OPTION, *server_options()]
        serving.callback = _serving(callback, {param.name for param in command.params}, booter, arguments)
        serving.epilog = command.epilog or f"{SOURCES} {_BOOTER_SOURCES}"
        self.add(serving)

    @property
    def _who(self) -> str:
        return f"plugin {self._plugin!r}"


def _serving(
    callback: Callable[..., Any], own: set[str | None], booter: str, arguments: Mapping[str, str] | None
) -> Callable[..., None]:
    """Calls *callback* with the values of its *own* parameters, and serves with the settings that it returns."""

    @click.pass_context
    def serve(ctx: click.Context, /, **values: Any) -> None:
        settings = ctx.invoke(callback, **{name: value for name, value in values.items() if name in own})
        if settings is not None:
            run(ctx, booter, settings, arguments)

    return serve

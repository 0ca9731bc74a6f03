"""Puts the plugins together for one run: the core's own answers, the chosen booter, the policies, and their order.

Asked first is the first by name, or by ``--plugin-order``; the booter comes after all of them, the core's own answers
last. Starts nothing: ``pixiecore run`` serves with the stack, ``pixiecore select`` asks it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click
from pydantic import BaseModel

from pixiecore_core.cli.options import model_options
from pixiecore_core.closest import no_such
from pixiecore_core.errors import ConfigError, PixiecoreError, PluginError
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.plugins.installed import Booters, LoadedPlugin, Policies
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.plugins.telling import in_words
from pixiecore_core.plugins.watching import loading
from pixiecore_core.settings.loaders import with_loaders
from pixiecore_core.settings.server import ServerSettings

POLICY_PREFIX = "policy__"


@dataclass(frozen=True, slots=True)
class Platform:
    """What is installed here: the plugins, and what they offer."""

    plugins: list[LoadedPlugin]
    booters: Booters = field(default_factory=Booters)
    policies: Policies = field(default_factory=Policies)
    disabled: Mapping[str, str] = field(default_factory=dict)
    """Plugins that are installed and left out, and where the user said so."""
    firmware: FirmwareTable = KNOWN
    """The core's rows and the plugins'."""

    @property
    def server_settings(self) -> type[ServerSettings]:
        """The server's settings, those for the loaders of all firmware among them."""
        return with_loaders(ServerSettings, self.firmware)

    def order(self, first: Sequence[str] = ()) -> list[str]:
        """The plugins' and policies' names in the order in which they are asked.

        :param first: those that come before the others
        :raises ConfigError: there is no such plugin
        """
        known = {plugin.name for plugin in self.plugins} | set(self.policies.classes)
        for name in first:
            if name not in known:
                raise ConfigError("--plugin-order", no_such("installed plugin", name, known))
        return [*dict.fromkeys(first), *sorted(known - set(first))]


def policy_options(policies: Policies) -> list[click.Option]:
    """An option for each setting of each policy, such as ``--allowlist-file``."""
    return [
        option
        for name, policy in sorted(policies.classes.items())
        for option in model_options(policy.Settings, policy_prefix(name), section=name)
    ]


def policy_prefix(name: str) -> str:
    """What the click parameters of the policy *name* begin with; they must be identifiers, and its name may not be."""
    return f"{POLICY_PREFIX}{name.replace('-', '_')}__"


def is_policy_option(parameter: str) -> bool:
    """Whether a click parameter is one of :func:`policy_options`."""
    return parameter.startswith(POLICY_PREFIX)


def register_all(
    manager: PluginManager,
    platform: Platform,
    booter: object,
    settings: Mapping[str, BaseModel],
    first: Sequence[str] = (),
) -> None:
    """Register the booter, the plugins and the policies with *manager*, which has the core's own answers already.

    :param settings: each policy's
    :raises ConfigError: a plugin's hooks or settings are unusable
    :raises PluginError: a policy cannot be constructed
    """
    modules = {plugin.name: plugin.module for plugin in platform.plugins}
    manager.register(booter, f"{getattr(booter, 'name', 'the')} booter")
    # pluggy asks the latest first.
    for name in reversed(platform.order(first)):
        if name in modules:
            manager.register(modules[name], name)
        if name in platform.policies.classes:
            policy = construct(platform.policies.classes[name], settings[name])
            manager.register(policy, f"{name} policy")


def construct(offered: type[Any], settings: BaseModel | None) -> object:
    """A booter or policy with its settings.

    :raises PluginError: it cannot be constructed
    """
    try:
        with loading(offered.name, "its constructor"):
            return offered(settings)
    except (PixiecoreError, KeyboardInterrupt):
        raise
    except BaseException as error:  # sys.exit() would end us with status 0 and not a word
        raise PluginError(offered.name, "__init__", in_words(error)) from error

"""Puts the plugins together for one run: the core's own answers, the chosen booter, the policies, and their order.

Asked first is the first by name, or by ``--plugin-order``; the booter comes after all of them, the core's own answers
last. Starts nothing: ``pixiecore run`` serves with the stack, ``pixiecore select`` asks it once.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

import click
from pydantic import BaseModel

from pixiecore_core.cli.options import given_options, model_options
from pixiecore_core.errors import ConfigError, PixiecoreError, PluginError
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.observe.log import own
from pixiecore_core.plugins.blame import in_words
from pixiecore_core.plugins.importing import loading
from pixiecore_core.plugins.installed import Booters, LoadedPlugin, Policies
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.settings import ServerSettings, Sources, check_names, with_loaders

POLICY_PREFIX = "policy__"


@dataclass(frozen=True, slots=True)
class Platform:
    """What is installed here: the plugins, and what they offer."""

    plugins: list[LoadedPlugin]
    booters: Booters = field(default_factory=Booters)
    policies: Policies = field(default_factory=Policies)
    disabled: tuple[str, ...] = ()
    """Plugins that are installed, and left out."""
    firmware: FirmwareTable = KNOWN
    """The core's rows and the plugins'."""
    output: TextIO = field(default_factory=lambda: own(sys.stdout))
    """Where a server's log goes, whatever plugins do to ``sys.stdout``."""

    @property
    def server_settings(self) -> type[ServerSettings]:
        """The server's settings, those for the loaders of all firmware among them."""
        return with_loaders(ServerSettings, self.firmware)

    def check_names(self, tables: Mapping[str, Any]) -> None:
        """Refuse settings of a booter or plugin that there is not; a disabled one's are only left aside.

        :raises ConfigError: there are such settings
        """
        check_names(tables, "booter", {*self.booters.classes, *self.disabled})
        check_names(tables, "plugin", {*self.policies.classes, *self.disabled})

    def order(self, first: Sequence[str] = ()) -> list[str]:
        """The plugins' and policies' names in the order in which they are asked.

        :param first: those that come before the others
        :raises ConfigError: there is no such plugin
        """
        known = {plugin.name for plugin in self.plugins} | set(self.policies.classes)
        for name in first:
            if name not in known:
                raise ConfigError(
                    "--plugin-order", f"no plugin {name!r} is installed; there are {', '.join(sorted(known))}"
                )
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


def policy_settings(
    ctx: click.Context, policies: Policies, environment: Mapping[str, str], tables: Mapping[str, Any]
) -> dict[str, BaseModel]:
    """Each policy's settings, from all sources.

    :param tables: of the TOML file
    :raises ConfigError: a setting is unusable
    """
    return {
        name: policy_sources(ctx, name, policy.Settings, environment, tables).resolve(policy.Settings)
        for name, policy in policies.classes.items()
    }


def policy_sources(
    ctx: click.Context,
    name: str,
    model: type[BaseModel],
    environment: Mapping[str, str],
    tables: Mapping[str, Any],
) -> Sources:
    """Where the settings of the policy *name* come from."""
    given = given_options(ctx, model, policy_prefix(name))
    return Sources.policy(name, model, given, environment, tables)


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


def construct(offered: type[Any], settings: BaseModel) -> object:
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

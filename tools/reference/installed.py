"""What the plugins of this repository offer; others that a developer may have installed are left out."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pixiecore_core.errors import PluginError
from pixiecore_core.plugins.installed import Booters, LoadedPlugin, Policies, load
from pixiecore_core.plugins.manager import PluginManager

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Installed:
    """The plugins, and the classes that they offer by name."""

    plugins: list[LoadedPlugin]
    booters: dict[str, Any]
    policies: dict[str, Any]


def of_this_repository() -> set[str]:
    """The names of the distributions below plugins/."""
    projects = sorted(ROOT.glob("plugins/*/pyproject.toml"))
    return {tomllib.loads(path.read_text(encoding="utf-8"))["project"]["name"] for path in projects}


@lru_cache(maxsize=1)
def installed() -> Installed:
    """What is installed of them."""
    ours = of_this_repository()
    plugins = [plugin for plugin in load() if plugin.distribution in ours]
    missing = ours - {plugin.distribution for plugin in plugins}
    if missing:
        raise LookupError(f"not installed here: {', '.join(sorted(missing))}")
    manager = PluginManager(_fail)
    for plugin in plugins:
        manager.register(plugin.module, plugin.name)
    booters, policies = Booters(), Policies()
    manager.register_booters(booters)
    manager.register_policies(policies)
    return Installed(plugins, _simple_first(booters.classes), dict(sorted(policies.classes.items())))


def _simple_first(classes: dict[str, Any]) -> dict[str, Any]:
    """The static booter, which README starts with, before the others."""
    return dict(sorted(classes.items(), key=lambda item: (item[0] != "static", item[0])))


def _fail(error: PluginError, mac: str | None) -> None:
    raise error

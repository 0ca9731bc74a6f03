"""What plugins add before anything is asked: rows for the core's tables, and pages. Checks them; decides nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pluggy

from pixiecore_core import hookspecs
from pixiecore_core.errors import PluginError

T = TypeVar("T")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+/?")


@dataclass(frozen=True, slots=True)
class Route:
    """A plugin's page."""

    plugin: str
    page: hookspecs.Page
    methods: frozenset[str] = frozenset({"GET"})


def rows_of(implementations: Sequence[pluggy.HookImpl], hook: str, kind: type[T]) -> dict[str, list[T]]:
    """The rows that plugins add, by plugin.

    :raises PluginError: a plugin failed, or offers what is not a row
    """
    rows: dict[str, list[T]] = {}
    for implementation in implementations:
        plugin = implementation.plugin_name

        def add(row: T, /, plugin: str = plugin) -> None:
            if not isinstance(row, kind):
                raise PluginError(plugin, hook, f"{row!r} is not of the class {kind.__name__}")
            rows.setdefault(plugin, []).append(row)

        implementation.function(*(add for _ in implementation.argnames))
    return rows


def routes_of(implementations: Sequence[pluggy.HookImpl]) -> dict[str, Route]:
    """Every plugin's pages, by path.

    :raises PluginError: a plugin failed, or offers a path that it cannot have
    """
    routes: dict[str, Route] = {}
    for implementation in implementations:
        plugin = implementation.plugin_name

        def add(
            path: str,
            page: hookspecs.Page,
            methods: Collection[str] = ("GET",),
            plugin: str = plugin,
        ) -> None:
            if path in routes:
                raise PluginError(plugin, "register_routes", f"plugin {routes[path].plugin!r} already has {path!r}")
            if not _PATH.fullmatch(path) or path.startswith("/_/") or not callable(page):
                raise PluginError(plugin, "register_routes", f"cannot have the path {path!r} with {page!r}")
            if isinstance(methods, str) or not methods or not set(methods) <= {"GET", "POST"}:
                raise PluginError(plugin, "register_routes", f"{path!r}: methods are GET and POST, not {methods!r}")
            routes[path] = Route(plugin, page, frozenset(methods))

        implementation.function(*(add for _ in implementation.argnames))
    return routes

"""Switched off, it costs a boot nothing."""

from __future__ import annotations

from pathlib import Path

from pixiecore_once.policy import Once, OnceSettings

from pixiecore_core.plugins.manager import PluginManager


def test_off_it_is_neither_asked_nor_told(tmp_path: Path) -> None:
    hooks = {}
    for enabled in (True, False):
        manager = PluginManager(lambda error, mac: None)
        manager.register(Once(OnceSettings(enabled=enabled, database=tmp_path / "once.db")), "once")
        hooks[enabled] = set(manager.hooks_of("once"))
    assert hooks[True] - hooks[False] == {"select_boot", "on_event"}

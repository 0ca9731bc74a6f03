"""Where things belong: for a user, for a service, and for a user that the system does not know."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from pixiecore_core.files.folders import Kind, user_folder

VARIABLES = ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "STATE_DIRECTORY", "CACHE_DIRECTORY")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("kind", "variable", "value", "folder"),
    [
        ("data", "HOME", "/home/me", "/home/me/.local/share/pixiecore"),
        ("state", "HOME", "/home/me", "/home/me/.local/state/pixiecore"),
        ("cache", "HOME", "/home/me", "/home/me/.cache/pixiecore"),
        ("cache", "XDG_CACHE_HOME", "/fast", "/fast/pixiecore"),
        ("cache", "CACHE_DIRECTORY", "/var/cache/boot:/other", "/var/cache/boot"),
        ("state", "STATE_DIRECTORY", "/var/lib/boot", "/var/lib/boot"),
    ],
)
def test_folders(monkeypatch: pytest.MonkeyPatch, kind: Kind, variable: str, value: str, folder: str) -> None:
    monkeypatch.setenv(variable, value)
    assert user_folder(kind) == Path(folder)


def test_whoever_has_no_home_uses_the_systems_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert [str(user_folder(kind)) for kind in ("data", "state", "cache")] == [
        "/var/lib/pixiecore",
        "/var/lib/pixiecore",
        "/var/cache/pixiecore",
    ]

"""Where things belong: for a user, for a service, and for a user that the system does not know."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from pixiecore_core import ownership
from pixiecore_core.files import folders
from pixiecore_core.files.folders import Kind, user_folder

VARIABLES = ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "STATE_DIRECTORY", "CACHE_DIRECTORY")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(folders, "SERVICE_STATE", tmp_path / "lib" / "pixiecore")
    monkeypatch.setattr(folders, "SERVICE_CACHE", tmp_path / "cache" / "pixiecore")
    monkeypatch.setattr(folders, "service_user", lambda: None)


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


def test_whoever_has_no_home_uses_the_systems_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert [str(user_folder(kind)) for kind in ("data", "state", "cache")] == [
        f"{tmp_path}/lib/pixiecore",
        f"{tmp_path}/lib/pixiecore",
        f"{tmp_path}/cache/pixiecore",
    ]


def test_the_service_s_folders_are_where_the_issue_and_the_file_system_hierarchy_say() -> None:
    assert (str(ownership.SERVICE_STATE), str(ownership.SERVICE_CACHE)) == (
        "/var/lib/pixiecore",
        "/var/cache/pixiecore",
    )


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Root's home."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("HOME", str(tmp_path / "root"))
    return tmp_path / "root"


def test_root_uses_the_service_s_folders_where_it_has_a_user_or_they_are_there(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert user_folder("state") == root / ".local/state/pixiecore"
    (tmp_path / "lib/pixiecore").mkdir(parents=True)
    assert user_folder("state") == tmp_path / "lib/pixiecore"
    assert user_folder("cache") == root / ".cache/pixiecore"
    monkeypatch.setattr(folders, "service_user", lambda: pwd.getpwnam("nobody"))
    assert user_folder("cache") == tmp_path / "cache/pixiecore"
    monkeypatch.setenv("XDG_CACHE_HOME", "/fast")
    assert user_folder("cache") == Path("/fast/pixiecore")


def test_state_that_root_has_is_used_until_it_is_moved(root: Path, tmp_path: Path) -> None:
    new, former = tmp_path / "lib/pixiecore", root / ".local/state/pixiecore"
    for folder in (new, former):
        folder.mkdir(parents=True)
    (former / "once.sqlite").touch()
    (new / "snponly.efi").touch()  # a loader is no state
    assert user_folder("state") == former
    (former / "once.sqlite").rename(new / "once.sqlite")
    assert user_folder("state") == new


def test_another_user_uses_them_where_they_are_its_own(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib/pixiecore").mkdir(parents=True)
    owner = (tmp_path / "lib/pixiecore").stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner or 4711)
    if owner == 0:
        assert user_folder("state") == root / ".local/state/pixiecore"
        os.chown(tmp_path / "lib/pixiecore", 4711, 4711)
    assert user_folder("state") == tmp_path / "lib/pixiecore"

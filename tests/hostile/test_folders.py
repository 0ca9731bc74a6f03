"""Another user of this host prepares a folder that we use: none of their links is followed, nothing believed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from pixiecore_core.errors import ConfigError
from pixiecore_core.files.key_file import read_or_create_key
from pixiecore_core.files.store import Store
from pixiecore_core.files.token_file import read_token
from pixiecore_core.ownership import NotOurs, check_folder
from pixiecore_core.state.store import StateStore
from tests.hosting.room import needs_a_host, run

pytestmark = pytest.mark.servers

MALLORY = 65534
KEY = "ab" * 32

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file that must stay as it is."""
    path = tmp_path / "victim"
    path.write_text("precious")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir(mode=0o700)
    return path


def give_to_mallory(path: Path) -> None:
    os.chown(path, MALLORY, MALLORY, follow_symlinks=False)


@needs_root
@pytest.mark.parametrize("name", ["lock", "CACHEDIR.TAG", "entries", "bodies", "parts"])
def test_no_link_in_a_cache_of_theirs_is_followed(folder: Path, victim: Path, name: str) -> None:
    target = victim if "." in name or name == "lock" else victim.parent / "new"
    (folder / name).symlink_to(target)
    give_to_mallory(folder / name)
    give_to_mallory(folder)
    with pytest.raises(NotOurs, match="belongs to nobody, who could put anything there, and we are root"):
        Store(folder, 1000).prepare()
    assert victim.read_text() == "precious"
    assert not (victim.parent / "new").exists()


@needs_root
@pytest.mark.parametrize("name", ["entries", "bodies", "parts"])
def test_nor_in_one_where_all_may_make_files(folder: Path, victim: Path, name: str) -> None:
    """Such as a tmpfs, which is mounted like /tmp."""
    folder.chmod(0o1777)
    theirs = victim.parent / "theirs"
    theirs.mkdir()
    for prepare in (lambda path: path.mkdir(), lambda path: path.symlink_to(theirs)):
        prepare(folder / name)
        give_to_mallory(folder / name)
        with pytest.raises(NotOurs, match=f"{name} (belongs to nobody|is a symbolic link that nobody made)"):
            Store(folder, 1000).prepare()
        give_up: Callable[[], None] = (folder / name).unlink if (folder / name).is_symlink() else (folder / name).rmdir
        give_up()
    Store(folder, 1000).prepare()


def use(store: Store) -> None:
    store.prepare()
    store.shrink_to(0)


@needs_root
@pytest.mark.parametrize("name", ["lock", "CACHEDIR.TAG"])
def test_nor_its_files(folder: Path, victim: Path, name: str) -> None:
    folder.chmod(0o1777)
    (folder / name).symlink_to(victim)
    give_to_mallory(folder / name)
    # The kernel's protected_symlinks comes first, where it is on.
    with pytest.raises(OSError, match=f"(Too many levels of symbolic links|Permission denied): .*{name}"):
        use(Store(folder, 1000))
    assert victim.read_text() == "precious"


def test_a_folder_that_is_exchanged_is_not_the_one_that_was_checked(folder: Path, victim: Path) -> None:
    """Its parent may be theirs."""
    store = Store(folder, 1000)
    store.prepare()
    folder.rename(folder.with_name("former"))
    folder.mkdir()
    (folder / "lock").symlink_to(victim)
    (folder / "parts").symlink_to(victim.parent)
    store.shrink_to(0)
    assert victim.read_text() == "precious"
    if os.geteuid() == 0:
        give_to_mallory(folder)
        with pytest.raises(NotOurs):
            store.begin(10)


@pytest.mark.parametrize(
    ("mode", "mend"), [(0o770, "chmod go-w"), (0o707, "chmod go-w"), (0o1777, "name a new folder")]
)
def test_state_where_others_can_write_is_refused(folder: Path, mode: int, mend: str) -> None:
    """Even where they cannot remove files: SQLite would believe a journal of theirs."""
    folder.chmod(mode)
    with pytest.raises(ConfigError, match=f"other users can write to the folder {folder}: .*{mend}") as caught:
        StateStore(folder / "once.sqlite").prepare("--once-database")
    assert caught.value.option == "--once-database"
    assert ("chmod" in str(caught.value)) is (mode != 0o1777)
    assert list(folder.iterdir()) == []


@needs_root
def test_a_database_of_theirs_is_refused(folder: Path, victim: Path) -> None:
    path = folder / "once.sqlite"
    sqlite3.connect(path).close()
    path.touch()
    give_to_mallory(path)
    with pytest.raises(ConfigError, match="belongs to nobody, and we are root"):
        StateStore(path).prepare("--once-database")
    path.unlink()
    path.symlink_to(victim)
    give_to_mallory(path)
    with pytest.raises(ConfigError, match="is a symbolic link that nobody made"):
        StateStore(path).prepare("--once-database")
    path.unlink()
    give_to_mallory(folder)
    with pytest.raises(ConfigError, match=r"belongs to nobody.* run as nobody, or: chown -R root"):
        StateStore(path).prepare("--once-database")
    assert victim.read_text() == "precious"


@needs_root
def test_a_user_without_a_name_gets_a_command_that_works(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs by number."""
    give_to_mallory(folder)
    monkeypatch.setattr(os, "geteuid", lambda: 4712)
    with pytest.raises(NotOurs, match=f"we are user 4712: name another, run as nobody, or: chown -R 4712: {folder}"):
        check_folder(folder)


@needs_root
def test_a_key_of_theirs_is_refused(folder: Path) -> None:
    """Whoever chose the key can seal URLs of any file."""
    path = folder / "url.key"
    path.write_text(KEY)
    path.chmod(0o600)
    give_to_mallory(path)
    with pytest.raises(ConfigError, match="belongs to nobody, and we are root"):
        read_or_create_key(path, 32)
    assert read_or_create_key(path, 32, also=[MALLORY]) == bytes.fromhex(KEY)
    path.unlink()
    ours = folder / "ours"
    ours.write_text(KEY)
    ours.chmod(0o600)
    path.symlink_to(ours)
    assert read_or_create_key(path, 32) == bytes.fromhex(KEY)
    give_to_mallory(path)
    with pytest.raises(ConfigError, match="is a symbolic link that nobody made"):
        read_or_create_key(path, 32)
    path.unlink()
    give_to_mallory(folder)
    with pytest.raises(ConfigError, match=r"--key-file: .* cannot be created: the folder .* belongs to nobody"):
        read_or_create_key(path, 32)


def test_a_secret_that_others_can_write_is_refused_and_one_that_they_can_read_is_warned_of(folder: Path) -> None:
    path = folder / "url.key"
    path.write_text(KEY)
    warned: list[str] = []
    path.chmod(0o644)
    assert read_or_create_key(path, 32, warned.append) == bytes.fromhex(KEY)
    assert warned == [f"Every user of this host can read {path}: chmod 600 {path}"]
    for mode in (0o620, 0o602):
        path.chmod(mode)
        with pytest.raises(ConfigError, match=f"other users can write to {path}: chmod 600 {path}"):
            read_or_create_key(path, 32)
        with pytest.raises(ConfigError, match="other users can write"):
            read_token("--status-token-file", path, warned.append)
    path.chmod(0o640)
    read_token("--status-token-file", path, warned.append)
    assert len(warned) == 1


@needs_a_host[0]
@needs_a_host[1]
def test_what_root_does_in_their_folder_it_does_as_them(tmp_path: Path) -> None:
    """Commands of root's, on a cache and a database whose owner has laid links."""
    commands = [
        "pixiecore cache prune --all --cache-dir cache",
        "pixiecore once --database state/once.sqlite arm 52:54:00:12:34:56",
    ]
    done = run(
        tmp_path,
        "echo precious >/root/victim; chmod 600 /root/victim; install -d -o nobody cache state",
        'as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; export HOME=/tmp',
        "as mkdir cache/entries cache/bodies cache/parts; as touch cache/CACHEDIR.TAG",
        "as ln -s /root/victim cache/lock; as ln -s /root/victim state/once.sqlite",
        *commands,
        "as rm state/once.sqlite cache/lock",
        *commands,
        "find cache state ! -user nobody -printf 'not theirs: %p\\n'; cat /root/victim",
        user=False,
    )
    assert "Too many levels of symbolic links" in done.stdout
    assert "0 files, 0 B freed" in done.stdout
    assert "52:54:00:12:34:56 will boot from the network once" in done.stdout
    assert "not theirs" not in done.stdout
    assert done.stdout.endswith("precious\n")


@needs_a_host[0]
@needs_a_host[1]
def test_a_server_of_root_does_not_use_their_folder(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "install -d -o nobody cache; cp /etc/hostname vmlinuz",
        "pixiecore boot vmlinuz --cache-dir cache; echo status $?; ls -A cache",
        user=False,
    )
    assert "--cache-dir: cache cannot be used: the folder cache belongs to nobody" in done.stdout
    assert done.stdout.endswith("status 2\n")

"""What a plugin keeps: one open connection, whatever happens to the file meanwhile."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import gevent
import pytest

from pixiecore_core import ConfigError, StateFile

SCHEMA = ["CREATE TABLE IF NOT EXISTS machines (mac TEXT PRIMARY KEY)"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "state.sqlite"


@pytest.fixture
def file(path: Path) -> StateFile:
    file = StateFile(path, SCHEMA)
    file.prepare("--database")
    return file


def add(file: StateFile, mac: str) -> None:
    with file.transaction(write=True) as database:
        database.execute("INSERT INTO machines VALUES (?)", (mac,))


def all_of(file: StateFile) -> list[str]:
    with file.transaction() as database:
        return [mac for (mac,) in database.execute("SELECT mac FROM machines ORDER BY mac")]


def test_another_connection_sees_what_is_kept(file: StateFile, path: Path) -> None:
    add(file, "a")
    assert all_of(StateFile(path, SCHEMA)) == ["a"]
    add(StateFile(path, SCHEMA), "b")
    assert all_of(file) == ["a", "b"]
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_fails_half_way_is_not_kept(file: StateFile) -> None:
    def fail() -> None:
        with file.transaction() as database:
            database.execute("INSERT INTO machines VALUES ('a')")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert all_of(file) == []


def test_a_file_that_is_removed_or_replaced_is_an_error_until_it_is_back(
    file: StateFile, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An empty one in its place would say that no machine has booted yet."""
    add(file, "a")
    aside = path.with_name("aside")
    path.rename(aside)
    for _ in range(2):
        with pytest.raises(
            sqlite3.OperationalError, match=rf"{path} has been removed; put the old one back, or restart"
        ):
            all_of(file)
    assert not path.exists()
    StateFile(path, SCHEMA).prepare("--database")
    with pytest.raises(sqlite3.OperationalError, match=f"{path} is another file than the one that was opened"):
        add(file, "b")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    aside.rename(path)
    add(file, "b")
    assert all_of(file) == ["a", "b"]
    assert [record.getMessage() for record in caplog.records][1:] == [f"{path} is back"]


def test_a_file_that_was_closed_is_opened_anew(file: StateFile, path: Path) -> None:
    add(file, "a")
    file.close()
    path.unlink()
    assert all_of(file) == []


def test_several_threads_share_it(file: StateFile) -> None:
    threads = [threading.Thread(target=add, args=(file, f"{number:02}")) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(all_of(file)) == 20


def test_what_cannot_be_a_database_is_named_with_its_option(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database" * 1000)
    for path, reason in ((tmp_path / "text", "file is not a database"), (tmp_path / "text" / "x", "File exists")):
        with pytest.raises(ConfigError, match=f"--database: {path} cannot be used: .*{reason}"):
            StateFile(path, SCHEMA).prepare("--database")


def test_a_file_that_another_process_holds_is_an_error_and_works_again(
    file: StateFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixiecore_core.files.state_file._PATIENCE", 0.1)
    all_of(file)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        add(file, "a")
    writer.execute("ROLLBACK")
    writer.close()
    add(file, "a")
    assert all_of(file) == ["a"]


def test_it_waits_for_another_process_while_others_go_on(file: StateFile, path: Path) -> None:
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(0.3, lambda: (writer.execute("COMMIT"), writer.close()))
    release.start()
    add(file, "a")
    assert all_of(file) == ["a"]
    release.join()


def test_the_lock_is_free_while_it_waits(file: StateFile, path: Path) -> None:
    """So that a server's other greenlets run, and find out by themselves that the file is held."""
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    waiting = threading.Thread(target=add, args=(file, "a"))
    waiting.start()
    turns = 0
    for _ in range(50):
        if file._lock.acquire(timeout=0.05):
            file._lock.release()
            turns += 1
        time.sleep(0.001)
    writer.execute("ROLLBACK")
    writer.close()
    waiting.join()
    assert turns > 40


def test_a_write_waits_until_others_have_read(file: StateFile, path: Path) -> None:
    """SQLite asks for the file a second time, when it is kept."""
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM machines").fetchall()
    release = threading.Timer(0.3, lambda: (reader.execute("COMMIT"), reader.close()))
    release.start()
    add(file, "a")
    assert all_of(file) == ["a"]
    release.join()


def test_whatever_ends_the_waiting_leaves_nothing_begun(
    file: StateFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time limit, for instance: the next question must find the file as it was."""
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM machines").fetchall()
    monkeypatch.setattr("pixiecore_core.files.state_file.time.sleep", gevent.sleep)
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.2):
        add(file, "a")
    reader.execute("COMMIT")
    reader.close()
    assert all_of(file) == []
    add(file, "b")
    assert all_of(StateFile(path, SCHEMA)) == ["b"]

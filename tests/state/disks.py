"""Stores to test, and disks that misbehave as the tests want."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest
from pydantic import BaseModel, ConfigDict

from pixiecore_core import Records, StateStore
from pixiecore_core.state.native import sleep


class Machine(BaseModel):
    model_config = ConfigDict(frozen=True)

    state: str
    boots: int = 0


def opened(path: Path, most: int | None = None) -> tuple[StateStore, Records[Machine]]:
    store = StateStore(path)
    machines = store.records("machines", Machine, most)
    store.prepare("--database")
    return store, machines


def becomes(state: str) -> Callable[[Machine | None], Machine]:
    return lambda known: Machine(state=state, boots=known.boots + 1 if known else 0)


class Ticks:
    """Counts while the event loop turns."""

    def __init__(self) -> None:
        self.count = 0
        self._greenlet = gevent.spawn(self._tick)

    def _tick(self) -> None:
        while True:
            self.count += 1
            gevent.sleep(0.001)

    def stop(self) -> None:
        self._greenlet.kill()


class Disk:
    """What the connections of a test do before they commit."""

    def __init__(self) -> None:
        self.commits = 0
        self.before_commit: Callable[[], None] = lambda: None


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk whose commits the test sees and delays."""
    disk = Disk()
    connect = sqlite3.connect

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql == "COMMIT":
                disk.commits += 1
                disk.before_commit()
            return super().execute(sql, *parameters)

    monkeypatch.setattr(sqlite3, "connect", lambda *given, **options: connect(*given, **options, factory=Connection))
    return disk


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """On the disk's own thread: stop it, and nothing else, until the loop has done something.

    :raises TimeoutError: the loop stood still
    """
    for _ in range(int(seconds / 0.002)):
        if condition():
            return
        sleep(0.002)
    raise TimeoutError


def make_full(path: Path) -> None:
    """Have SQLite refuse what is written, as on a full disk."""
    connection = sqlite3.connect(path, isolation_level=None)
    for what in ("INSERT", "UPDATE"):
        for table in ("records", "marks"):
            connection.execute(
                f"CREATE TRIGGER full_{what}_{table} BEFORE {what} ON {table}"
                " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
            )
    connection.close()


def make_room(path: Path) -> None:
    """Undo :func:`make_full`."""
    connection = sqlite3.connect(path, isolation_level=None)
    for what in ("INSERT", "UPDATE"):
        for table in ("records", "marks"):
            connection.execute(f"DROP TRIGGER full_{what}_{table}")
    connection.close()

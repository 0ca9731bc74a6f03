"""One SQLite file: opened once, watched, and used in transactions that fail as :class:`StateError`.

Used by one thread at a time, the disk thread; only :meth:`SqliteFile.stamp` and :meth:`SqliteFile.check` are for the
event loop too. Knows no records, only the tables that hold them, and never waits for another process.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pixiecore_core.errors import StateError
from pixiecore_core.ownership import check_file, check_folder
from pixiecore_core.state import sqlite_tables as tables
from pixiecore_core.state.storage import Kind

Stamp = tuple[int, int, int, int, int]
"""Device, inode, size, and the times of the last change; every commit changes it."""

_TICK = 0.03
"""Seconds for which two changes may have the same time: the kernel's clock for files moves in steps of up to 0.01."""
_COARSE_TICK = 2.5
"""The same where the file system keeps whole seconds."""

_log = logging.getLogger("pixiecore.state")


class Busy(Exception):
    """Another process holds the file at the moment."""


class SqliteFile:
    """The file.

    :param path: made, with its folder, where it is missing
    :param kinds: the collections that it holds; may grow
    """

    def __init__(self, path: Path, kinds: dict[str, Kind]) -> None:
        self.path = path
        self._kinds = kinds
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None
        self._version: object = None
        self._told = False

    @property
    def is_open(self) -> bool:
        """Whether its old tables have been taken over."""
        return self._connection is not None

    def stamp(self) -> Stamp | None:
        """What the file looks like now; ``None`` where it is missing. Costs a microsecond."""
        try:
            status = os.stat(self.path)
        except OSError:
            return None
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns

    def check(self, stamp: Stamp | None) -> None:
        """For the event loop.

        :raises StateError: what is at the path is not what was opened, which is logged once
        """
        problem = self._problem(stamp)
        if bool(problem) != self._told:
            self._told = bool(problem)
            if problem:
                _log.error("%s", problem)
            else:
                _log.warning("%s is back", self.path)
        if problem:
            raise StateError(problem)

    @contextmanager
    def transaction(self, write: bool) -> Iterator[sqlite3.Connection]:
        """A connection; what is done with it inside is kept as a whole when this ends, or not at all if
        something raises.

        :raises Busy: another process holds the file; nothing is kept
        :raises StateError: the file cannot be used; nothing is kept
        """
        with self._errors():
            connection = self._current()
            self._check_same()
            try:
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                yield connection
                # In a file that was moved away or replaced meanwhile it would never be found.
                self._check_same()
                connection.execute("COMMIT")
            finally:
                # Also what could not be committed: it would hold the file for ever.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def has_changed(self, connection: sqlite3.Connection) -> bool:
        """Whether another connection has changed anything since this was last asked, inside a transaction."""
        before, self._version = self._version, connection.execute("PRAGMA data_version").fetchone()[0]
        return before != self._version

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._opened = self._version = None

    def _current(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            check_folder(self.path.parent)
            check_file(self.path)
            # No waiting inside SQLite, and only our own transactions.
            connection = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                self._make_ready(connection)
            except BaseException:
                connection.close()
                raise
            self._connection, self._opened = connection, _identity(self.stamp())
        return self._connection

    def _make_ready(self, connection: sqlite3.Connection) -> None:
        """Make the tables, and take over those of earlier releases; writes nothing where all is there."""
        # One file, which can be moved and copied, and what was committed is still there after a power failure.
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = EXTRA")
        if tables.is_there(connection) and not self._old_tables(connection):
            return
        connection.execute("BEGIN IMMEDIATE")
        tables.make(connection)
        old = self._old_tables(connection)  # perhaps another process has been faster
        for kind in self._kinds.values():
            if kind.old_table is not None and kind.old_table.name in old:
                tables.take_over(connection, kind.name, kind.old_table)
        for table in old:
            tables.close_off(connection, table)
        connection.execute("COMMIT")

    def _old_tables(self, connection: sqlite3.Connection) -> Sequence[str]:
        names = {kind.old_table.name for kind in self._kinds.values() if kind.old_table is not None}
        return [name for name in sorted(names) if tables.has_table(connection, name)]

    def _check_same(self) -> None:
        problem = self._problem(self.stamp())
        if problem:
            raise StateError(problem)

    def _problem(self, stamp: Stamp | None) -> str:
        if self._opened is None or _identity(stamp) == self._opened:
            return ""
        what = "has been removed" if stamp is None else "is another file than the one that was opened"
        return f"{self.path} {what}; put the old one back, or restart the server to go on with what is there"

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except StateError as error:
            named = str(error) if str(self.path) in str(error) else f"{self.path}: {error}"
            raise StateError(named) from error
        except sqlite3.Error as error:
            # Only SQLite's own errors have a code; its upper bits say more of the same.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                raise Busy(str(error)) from error
            # SQLite calls a file that is gone read-only.
            raise StateError(self._problem(self.stamp()) or f"{self.path} cannot be used: {error}") from error
        except OSError as error:
            raise StateError(f"{self.path} cannot be used: {error}") from error


def is_settled(stamp: Stamp, now: float) -> bool:
    """Whether any later change is certain to give another stamp.

    :param now: seconds since the epoch, from before the stamp was taken
    """
    changed = stamp[4]
    tick = _TICK if changed % 1_000_000_000 else _COARSE_TICK
    return now - changed / 1e9 > tick


def _identity(stamp: Stamp | None) -> tuple[int, int] | None:
    return None if stamp is None else stamp[:2]

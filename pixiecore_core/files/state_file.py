"""A small SQLite file in which a plugin keeps what must survive a restart; its commands share it with the server.

One connection stays open, for a policy may be asked thousands of times a second. Where somebody removes or replaces the
file meanwhile, it cannot be used: an empty one would have every machine installed again. Knows nothing of what is kept.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pixiecore_core.errors import ConfigError

_PATIENCE = 1.5
"""Seconds to wait for another process that holds the file: less than a hook or a listener may take."""
_PAUSE = 0.01

_log = logging.getLogger("pixiecore.state")


class StateFile:
    """A small SQLite file for what a plugin keeps, shared by its commands and the server, and by several processes.

    Once it is open, a file that is removed, moved away or replaced is an error, until the same one is back or
    :meth:`close` is called: nothing is ever decided by an empty file that takes its place.

    :param path: made, with its folder, where it is not there
    :param schema: statements that make what is not there yet, such as ``CREATE TABLE IF NOT EXISTS …``
    """

    def __init__(self, path: Path, schema: Sequence[str]) -> None:
        self._path = path
        self._told = False
        self._schema = schema
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None

    @property
    def path(self) -> Path:
        """Where it is, or will be."""
        return self._path

    def prepare(self, option: str) -> None:
        """Make the file.

        :param option: the setting that names it, for the message
        :raises ConfigError: it cannot be made, or is something else
        """
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self.transaction():
                pass  # the schema is there
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(option, f"{self._path} cannot be used: {error}") from error

    @contextmanager
    def transaction(self, write: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection; what is done with it inside is kept as a whole, or, where something raises, not at all.

        Waits for another process that holds the file, while the server goes on. Do not wait for anything else inside:
        the other machines' questions wait meanwhile.

        :param write: whether something will be changed
        :raises sqlite3.Error: the file cannot be used, is not the one that was opened, or another process has held it
            for too long
        """
        give_up = time.monotonic() + _PATIENCE
        while True:
            with self._lock:
                try:
                    connection = self._begun(write)
                except sqlite3.OperationalError as error:
                    if _is_final(error) or time.monotonic() > give_up:
                        raise
                else:
                    try:
                        yield connection
                    except BaseException:
                        connection.rollback()
                        raise
                    self._commit(connection, give_up)
                    return
            time.sleep(_PAUSE)

    def _commit(self, connection: sqlite3.Connection, give_up: float) -> None:
        """Keep what was done; whoever still reads must have finished first."""
        try:
            while True:
                try:
                    connection.commit()
                    return
                except sqlite3.OperationalError as error:
                    if _is_final(error) or time.monotonic() > give_up:
                        raise
                time.sleep(_PAUSE)
        except BaseException:
            # Also where a time limit ends the waiting: what is begun and not ended would hold the file for ever.
            connection.rollback()
            raise

    def _begun(self, write: bool) -> sqlite3.Connection:
        """A connection that has its lock on the file already."""
        connection = self._current()
        connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        try:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except BaseException:
            connection.rollback()
            raise
        return connection

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = self._opened = None

    def _current(self) -> sqlite3.Connection:
        if self._connection is not None:
            self._check_same()
            return self._connection
        connection = sqlite3.connect(self._path, timeout=0, check_same_thread=False)
        try:
            with connection:
                for statement in self._schema:
                    connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        self._connection, self._opened = connection, self._identity()
        return connection

    def _check_same(self) -> None:
        """:raises sqlite3.OperationalError: what is at the path is not what was opened"""
        there = self._identity()
        if there == self._opened:
            if self._told:
                self._told = False
                _log.warning("%s is back", self._path)
            return
        what = "has been removed" if there is None else "is another file than the one that was opened"
        problem = f"{self._path} {what}; put the old one back, or restart the server to go on with what is there"
        if not self._told:
            self._told = True
            _log.error("%s", problem)
        raise sqlite3.OperationalError(problem)

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def __del__(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _is_final(error: sqlite3.OperationalError) -> bool:
    """Whether waiting does not help. Only SQLite's own errors have a code."""
    return getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY

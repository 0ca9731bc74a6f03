"""Records in an SQLite file, for one host: the storage that is built in.

The event loop asks memory and :func:`os.stat`, nothing else; everything that touches SQLite is done by the worker's
thread. What is remembered is what SQLite last said: any change by another process drops it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time
from typing import Any

from pixiecore_core.errors import StateError
from pixiecore_core.state import sqlite_tables as tables
from pixiecore_core.state.pending import Pending
from pixiecore_core.state.sqlite_file import Busy, SqliteFile, Stamp, is_settled
from pixiecore_core.state.sqlite_tables import Key
from pixiecore_core.state.storage import UNKNOWN, ChangedTexts, How, Kind, Unknown
from pixiecore_core.state.worker import Job, Worker

REMEMBERED = 20_000
"""Records in memory, absent ones included, so that a policy asks no disk."""


@dataclass(slots=True)
class _Read(Job):
    function: Callable[[sqlite3.Connection], object] = lambda connection: None


@dataclass(slots=True)
class _Get(Job):
    key: Key = ("", "")


@dataclass(slots=True)
class _Change(Job):
    key: Key = ("", "")
    how: How = lambda text: text


@dataclass(slots=True)
class _Probe(Job):
    pass


@dataclass(slots=True)
class _Close(Job):
    pass


class SqliteStorage:
    """See :class:`pixiecore_core.state.storage.Storage`.

    :param path: made, with its folder, where it is missing
    """

    def __init__(self, path: Path) -> None:
        self._kinds: dict[str, Kind] = {}
        self._file = SqliteFile(path, self._kinds)
        self._worker = Worker(self._run)
        # Only the thread changes these three.
        self._memory: dict[Key, str | None] = {}
        self._stamp: Stamp | None = None  # with which the memory is known to be what is kept
        self._writing = False  # no other process can change anything; until the commit, the memory is what is kept

    def declare(self, kind: Kind) -> None:
        """Get to know a collection.

        :raises RuntimeError: its old table would not be found any more
        """
        if kind.old_table is not None and self._file.is_open:
            raise RuntimeError(f"{kind.name!r} has an old table, and {self._file.path} is open already")
        self._kinds[kind.name] = kind

    def open(self) -> Pending[None]:
        """Make what is missing."""
        return self._submit(_Read())

    def probe(self) -> Pending[None]:
        """See that it can be written."""
        return self._submit(_Probe())

    def peek(self, collection: str, key: str) -> str | Unknown | None:
        """A record from memory, if no process can have changed it."""
        stamp = self._file.stamp()
        self._file.check(stamp)
        if stamp is None or not (stamp == self._stamp or self._writing):
            return UNKNOWN
        return self._memory.get((collection, key), UNKNOWN)

    def get(self, collection: str, key: str) -> Pending[str | None]:
        """A record."""
        return self._submit(_Get(key=(collection, key)))

    def change(self, collection: str, key: str, how: How) -> Pending[str | None]:
        """Change one record."""
        return self._submit(_Change(key=(collection, key), how=how))

    def all(self, collection: str) -> Pending[dict[str, str]]:
        """Every record."""
        return self._submit(_Read(function=lambda connection: tables.all_of(connection, collection)))

    def since(self, collection: str, mark: int) -> Pending[ChangedTexts]:
        """What has changed after *mark*."""
        return self._submit(_Read(function=lambda connection: tables.since(connection, collection, mark)))

    def close(self) -> Pending[None]:
        """Let go of the file."""
        job = _Close()
        self._worker.submit(job)
        return job.pending

    def _submit(self, job: Job) -> Pending[Any]:
        self._file.check(self._file.stamp())
        self._worker.submit(job)
        return job.pending

    def _run(self, jobs: Sequence[Job]) -> list[Job]:
        """Read and answer first, because a commit may take long. Returns what must be tried again."""
        again = self._tried([job for job in jobs if isinstance(job, (_Read, _Get))], self._read)
        again += self._tried([job for job in jobs if isinstance(job, (_Change, _Probe))], self._write)
        for job in jobs:
            if isinstance(job, _Close):
                if again:
                    again.append(job)
                    break
                self._stamp = None
                self._memory.clear()
                self._file.close()
                job.pending.settle(None)
        return again

    def _tried(self, jobs: list[Job], do: Callable[[list[Job]], None]) -> list[Job]:
        problem = ""
        try:
            if jobs:
                do(jobs)
        except Busy as error:
            now = monotonic()
            problem = f"{self._file.path} cannot be used: {error}"
            late = [job for job in jobs if job.give_up < now]
        except StateError as error:
            problem, late = str(error), jobs
        if not problem:
            return []
        self._stamp = None
        for job in late:
            job.pending.settle(None, StateError(problem))
        return [job for job in jobs if not job.pending.done]

    def _read(self, jobs: list[Job]) -> None:
        now, stamp = time(), self._file.stamp()  # before anything is read: what changes later has another stamp
        with self._file.transaction(write=False) as connection:
            self._forget_if_changed(connection)
            wanted = {job.key: None for job in jobs if isinstance(job, _Get)}
            missing = [key for key in wanted if key not in self._memory]
            if missing:
                self._remember(dict.fromkeys(missing) | tables.fetch(connection, missing))
            results = [
                job.function(connection) if isinstance(job, _Read) else self._memory.get(job.key)
                for job in jobs
                if isinstance(job, (_Read, _Get))
            ]
        self._stamp = stamp if stamp is not None and is_settled(stamp, now) else None
        for job, result in zip(jobs, results, strict=True):
            job.pending.settle(result)

    def _write(self, jobs: list[Job]) -> None:
        changes = [job for job in jobs if isinstance(job, _Change)]
        try:
            with self._file.transaction(write=True) as connection:
                self._forget_if_changed(connection)
                self._writing = True
                batch = _Batch(dict(tables.fetch(connection, {job.key for job in changes})))
                for change in changes:
                    batch.make(change)
                if batch.changed:
                    limits = {kind.name: kind.most for kind in self._kinds.values() if kind.most is not None}
                    over = tables.store(connection, batch.changed, limits)
                    batch.changed |= dict.fromkeys(over)
                elif len(changes) < len(jobs):
                    tables.touch(connection)
            self._stamp = None
            self._remember(batch.changed)
        finally:
            self._writing = False
        for job in jobs:
            job.pending.settle(*batch.outcomes.get(id(job), (None, None)))

    def _forget_if_changed(self, connection: sqlite3.Connection) -> None:
        if self._file.has_changed(connection):
            self._stamp = None
            self._memory.clear()

    def _remember(self, texts: Mapping[Key, str | None]) -> None:
        self._memory.update(texts)
        while len(self._memory) > REMEMBERED:
            del self._memory[next(iter(self._memory))]

    def __del__(self) -> None:
        self._file.close()  # no thread is at work: it would hold this object


class _Batch:
    """Changes that share a transaction.

    :param texts: the records that they are about, as they are kept
    """

    def __init__(self, texts: dict[Key, str | None]) -> None:
        self._texts = texts
        self.changed: dict[Key, str | None] = {}
        self.outcomes: dict[int, tuple[str | None, BaseException | None]] = {}

    def make(self, job: _Change) -> None:
        """Make one change, if it can be made; the others do not care."""
        before = self._texts.get(job.key)
        try:
            after = job.how(before)
        except BaseException as error:
            self.outcomes[id(job)] = None, error
            return
        self.outcomes[id(job)] = after, None
        if after != before:
            self._texts[job.key] = after
            self.changed.pop(job.key, None)  # the last change of a record is its place in the order
            self.changed[job.key] = after

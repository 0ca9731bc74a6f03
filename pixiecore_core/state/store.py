"""The place where a plugin keeps its records, as the plugin and its commands see it.

Turns what cannot be used into the errors that a user reads. Does not know what keeps the records.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from pixiecore_core.errors import ConfigError, StateError, StateMissing
from pixiecore_core.ownership import become_owner
from pixiecore_core.state.records import Records
from pixiecore_core.state.sqlite import SqliteStorage
from pixiecore_core.state.storage import Kind, OldTable, Storage

R = TypeVar("R", bound=BaseModel)

OldRecord = Callable[[dict[str, object]], dict[str, object] | None]
"""Makes the fields of a record from the columns of an old table's row, its first left out, which is the key; ``None``
passes the row over."""


class StateStore:
    """What a plugin keeps beyond the process: an SQLite file, shared by its commands and the server, and by several
    servers on one host.

    Nothing here stops the event loop: a greenlet that reads or writes waits by itself. Once it is open, a file that is
    removed, moved away or replaced is an error, until the same one is back or :meth:`close` is called: nothing is ever
    decided by an empty file that takes its place.

    :param path: made, with its folder, where it is missing; on a disk of this host, not on a network file system
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._storage: Storage = SqliteStorage(path)

    @property
    def path(self) -> Path:
        """Where it is, or will be."""
        return self._path

    @property
    def is_there(self) -> bool:
        """Whether there is a file that we can see; opens and makes nothing."""
        try:
            return self._path.exists()
        except OSError:
            return False  # in somebody else's home, say

    def keys_for_a_shell(self, begin: str, *collections: Records[Any]) -> list[str]:
        """The keys that begin so, for a shell to complete; none where nothing is there, or can be read."""
        if not self.is_there:
            return []
        try:
            become_owner(self._path.parent)  # whoever asks by root's shell
            keys = set(chain.from_iterable(records.keys() for records in collections))
            return sorted(key for key in keys if key.startswith(begin))
        except (StateError, OSError):
            return []

    def records(
        self,
        name: str,
        kind: type[R],
        most: int | None = None,
        old_table: str = "",
        old_record: OldRecord = dict,
    ) -> Records[R]:
        """A collection. Ask for it before the first use of any.

        :param name: its name in this store
        :param kind: the model of its records: small, and what JSON can hold
        :param most: how many records are kept at most, those that changed last. ``None`` keeps all
        :param old_table: a table of an earlier release in the same file, with the key in its first column: its rows
            become records when the file is opened, unless there are records with these keys. Then no release that reads
            the table can use the file any more
        :param old_record: makes a record's fields from such a row
        """
        self._storage.declare(Kind(name, most, OldTable(old_table, old_record) if old_table else None))
        return Records(self._storage, str(self._path), name, kind)

    def prepare(self, option: str) -> None:
        """Open it, and make what is missing.

        :param option: the setting that names it, for the message
        :raises ConfigError: it cannot be made, or is something else
        """
        try:
            self._storage.open().wait()
        except StateError as error:
            raise ConfigError(option, str(error)) from error

    def probe(self) -> None:
        """Make sure that it can be written now, by writing.

        :raises StateError: it cannot
        """
        self._storage.probe().wait()

    def open_for_command(self, server_option: str, make: bool = False) -> None:
        """Open the file in a command that has an option ``--database``, beside the server or before its first start.
        Run by root, the command is the owner of the file's folder from now on.

        :param server_option: the server's option for the same file
        :param make: whether to make a new file where there is none, and say so on standard error: not where a command
            only asks, because a mistyped path would have no answer
        :raises StateMissing: there is no file
        :raises ConfigError: it cannot be used
        """
        try:
            become_owner(self._path.parent)
            is_new = not self._path.exists()
        except PermissionError as error:
            reason = f"{self._path} cannot be looked at: {error.strerror}; run this as root, or as the server's user"
            raise ConfigError("--database", reason) from error
        except OSError as error:
            raise ConfigError("--database", f"{self._path} cannot be used: {error}") from error
        if is_new and not make:
            raise StateMissing(
                f"there is no database {self._path}; a server makes it when it starts. If yours uses another "
                f"({server_option}), name that one before the subcommand: --database FILE"
            )
        self.prepare("--database")
        if is_new:
            sys.stderr.write(
                f"Made a new database, {self._path}; the server reads it if its {server_option} names the same file\n"
            )

    def close(self) -> None:
        """Write what is waiting, and let go of it; the next use opens it again."""
        self._storage.close().wait()

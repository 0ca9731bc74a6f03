"""What can keep records: the seam behind which SQLite is here, and PostgreSQL could be elsewhere.

Names and JSON texts only, no models and no type of any database. Each method returns at once; the
caller waits for the :class:`Pending`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, Protocol

from pixiecore_core.state.pending import Pending


class _Unknown(Enum):
    UNKNOWN = "not known without asking the disk"


UNKNOWN: Final = _Unknown.UNKNOWN
Unknown = Literal[_Unknown.UNKNOWN]

How = Callable[[str | None], str | None]
"""Makes the new text of a record from the one that is kept; ``None`` stands for no record. May be called again."""


@dataclass(frozen=True, slots=True)
class OldTable:
    """A table of an earlier release in the same place, whose rows become records, once.

    :param name: its name; the key is in its first column
    :param record: makes the record's fields from a row's other columns; ``None`` passes the row over
    """

    name: str
    record: Callable[[dict[str, object]], dict[str, object] | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """What the storage must know of a collection.

    :param most: how many records are kept at most, those that changed last; ``None`` for all
    """

    name: str
    most: int | None = None
    old_table: OldTable | None = None


@dataclass(frozen=True, slots=True)
class ChangedTexts:
    """See :class:`pixiecore_core.state.records.RecordChanges`."""

    texts: dict[str, str | None]
    mark: int
    whole: bool


class Storage(Protocol):
    """Keeps texts by collection and key. Every method may raise, and every wait may raise, ``StateError``."""

    def declare(self, kind: Kind) -> None:
        """Get to know a collection, before its first use."""

    def open(self) -> Pending[None]:
        """Make what is missing, and see that it can be read."""

    def probe(self) -> Pending[None]:
        """See that it can be written."""

    def peek(self, collection: str, key: str) -> str | Unknown | None:
        """A record, if it is known without the disk that this is what is kept now."""

    def get(self, collection: str, key: str) -> Pending[str | None]:
        """A record, from the disk if need be."""

    def change(self, collection: str, key: str, how: How) -> Pending[str | None]:
        """Change one record as a whole or not at all; done when it is certain to outlive the process."""

    def all(self, collection: str) -> Pending[dict[str, str]]:
        """Every record, by key, in the order of the keys."""

    def since(self, collection: str, mark: int) -> Pending[ChangedTexts]:
        """What has changed after *mark*."""

    def close(self) -> Pending[None]:
        """Let go of everything; the next use opens it again."""

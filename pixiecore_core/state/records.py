"""A named collection of records: pydantic models by key, as the code that keeps something sees them.

Turns models into JSON texts and back. Knows neither a database nor a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from pixiecore_core.errors import StateError
from pixiecore_core.state.pending import Pending
from pixiecore_core.state.storage import UNKNOWN, Storage

R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")

LONGEST_KEY = 256
"""Characters."""
LONGEST_RECORD = 65_536
"""Characters of a record as JSON."""


@dataclass(frozen=True, slots=True)
class RecordChanges(Generic[R]):
    """What has changed in a collection."""

    records: dict[str, R | None]
    """Each record that has changed, as it is now, by key, the one that changed first first; ``None`` for one that was
    removed."""
    mark: int
    """What to give to :meth:`Records.since` the next time."""
    whole: bool
    """Whether these are all records that there are, and any other was removed: *mark* was 0, or too long ago."""


class PendingChange(Generic[T]):
    """A change that has begun; :meth:`Records.begin_change` makes it."""

    def __init__(self, committed: Pending[Any], result: Callable[[], T]) -> None:
        self._committed = committed
        self._result = result

    @property
    def done(self) -> bool:
        """Whether :meth:`wait` would return or raise at once."""
        return self._committed.done

    def wait(self) -> T:
        """Wait until the change outlives the process. Giving up the waiting does not take it back.

        :returns: what the method without ``begin_`` returns
        :raises StateError: it cannot be written; the record stays as it was
        """
        self._committed.wait()
        return self._result()


class Records(Generic[R]):
    """Records of one kind, by key; :meth:`StateStore.records` makes it.

    Every method may be called in any greenlet or thread. Where it waits, other greenlets go on.
    """

    def __init__(self, storage: Storage, place: str, name: str, kind: type[R]) -> None:
        self._storage = storage
        self._place = place
        self._name = name
        self._kind = kind

    def get(self, key: str) -> R | None:
        """The record, or ``None`` where there is none. Costs microseconds for one that was asked for before.

        :raises StateError: it cannot be read now, or is not what it should be
        """
        text = self._storage.peek(self._name, key)
        if text is UNKNOWN:
            text = self._storage.get(self._name, _checked(key)).wait()
        return self._parsed(key, text)

    def change(self, key: str, how: Callable[[R | None], R | None]) -> R | None:
        """Change one record, and wait until the change outlives the process; returns the record as it is then.

        :param how: makes the new record from the one that is kept; ``None`` stands for no record. It runs on another
            thread while everyone else who writes waits, perhaps more than once: let it decide, and do nothing else.
            What it raises is raised here, and the record stays as it was
        :raises StateError: it cannot be written; the record stays as it was
        :raises ValueError: the key or the record is too long
        """
        return self.begin_change(key, how).wait()

    def begin_change(self, key: str, how: Callable[[R | None], R | None]) -> PendingChange[R | None]:
        """As :meth:`change`, without waiting: changes that begin together share one write.

        Changes are made in the order in which they begin.

        :raises StateError: it cannot be written, as far as is known at once
        :raises ValueError: the key is too long
        """
        made: list[R | None] = [None]

        def change(text: str | None) -> str | None:
            made[0] = how(self._parsed(key, text))
            return self._text(made[0])

        return PendingChange(self._storage.change(self._name, _checked(key), change), lambda: made[0])

    def remove(self, key: str) -> bool:
        """Remove a record, also one that cannot be read, and wait as :meth:`change` does; whether there was one.

        :raises StateError: it cannot be written
        """
        return self.begin_removal(key).wait()

    def begin_removal(self, key: str) -> PendingChange[bool]:
        """As :meth:`remove`, without waiting.

        :raises StateError: it cannot be written, as far as is known at once
        """
        found = [False]

        def change(text: str | None) -> None:
            found[0] = text is not None

        return PendingChange(self._storage.change(self._name, _checked(key), change), lambda: found[0])

    def keys(self) -> list[str]:
        """The key of every record, in order.

        :raises StateError: they cannot be read
        """
        return list(self._storage.all(self._name).wait())

    def all(self) -> dict[str, R]:
        """Every record, by key and in the order of the keys, as they were at one moment.

        :raises StateError: they cannot be read
        """
        return {key: self._known(key, text) for key, text in self._storage.all(self._name).wait().items()}

    def since(self, mark: int) -> RecordChanges[R]:
        """What has changed since *mark*.

        :param mark: 0, or the mark of an earlier answer
        :raises StateError: it cannot be read
        """
        changed = self._storage.since(self._name, mark).wait()
        records = {key: self._parsed(key, text) for key, text in changed.texts.items()}
        return RecordChanges(records, changed.mark, changed.whole)

    def _parsed(self, key: str, text: str | None) -> R | None:
        return None if text is None else self._known(key, text)

    def _known(self, key: str, text: str) -> R:
        try:
            return self._kind.model_validate_json(text)
        except ValidationError as error:
            wrong = error.errors()[0]["msg"]
            raise StateError(f"{self._place}: the record of {key} in {self._name!r} cannot be used: {wrong}") from error

    def _text(self, record: R | None) -> str | None:
        if record is None:
            return None
        text = record.model_dump_json()
        if len(text) > LONGEST_RECORD:
            raise ValueError(f"a record has at most {LONGEST_RECORD:,} characters, and this one has {len(text):,}")
        return text


def _checked(key: str) -> str:
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        raise ValueError(f"a key must be 1 to {LONGEST_KEY} printable characters, not {key[:LONGEST_KEY]!r}")
    return key

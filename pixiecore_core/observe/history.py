"""Keeps machines' attempts over a restart: what they look like as records, which have changed, and how they come back.

Knows no database: whoever keeps them is given each record. Waits for nothing: :meth:`History.flush` is called now and
then, since a boot has a dozen facts in a few seconds and needs one record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Union

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from pixiecore_core.engine.attempts import Attempt, Attempts, Outcome
from pixiecore_core.models import Fact, Machine
from pixiecore_core.models.facts import FACTS

MACHINES = 2000
"""That are kept, those that were heard of last."""
_AT_ONCE = 200
"""Records in one go; the others have their turn the next time."""
_LONGEST = 60_000
"""Characters of a record; beyond it the attempt before is left out, then the oldest facts."""

_ANY_FACT: Any = Annotated[Union[FACTS], Field(discriminator="kind")]  # noqa: UP007 - made of a tuple
_FACT: TypeAdapter[Any] = TypeAdapter(_ANY_FACT)


class KeptAttempt(BaseModel):
    """An attempt as a record."""

    machine: Machine
    told: Machine | None = None
    id: str
    offered: str = ""
    outcome: Outcome
    began: float
    heard: float
    """Seconds since the epoch."""
    facts: list[dict[str, Any]]
    before: list[dict[str, Any]] = []


class History:
    """Subscribes to a bus.

    :param attempts: has heard of each fact before
    :param keep: takes a machine's record, without waiting
    :param close: waits until what was handed over is kept
    """

    def __init__(
        self,
        attempts: Attempts,
        keep: Callable[[str, KeptAttempt], object],
        close: Callable[[], object] = lambda: None,
    ) -> None:
        self._attempts = attempts
        self._keep = keep
        self.close = close
        """See above."""
        self._changed: dict[str, None] = {}

    def hear(self, fact: Fact, sentence: str = "") -> None:
        """A machine has something new."""
        if fact.mac is not None:
            self._changed[fact.mac] = None

    def flush(self, between: Callable[[], object] = lambda: None, most: int = _AT_ONCE) -> None:
        """Hand over what has changed.

        :param between: called after each record
        """
        for mac in list(self._changed)[:most]:
            self._changed.pop(mac, None)
            attempt = self._attempts.latest(mac)
            if attempt is not None and attempt.facts:
                self._keep(mac, record_of(attempt))
                between()


def record_of(attempt: Attempt) -> KeptAttempt:
    """An attempt as a record."""
    record = KeptAttempt(
        machine=attempt.machine,
        told=attempt.told,
        id=attempt.id,
        offered=attempt.offered,
        outcome=attempt.outcome,
        began=attempt.began,
        heard=attempt.facts[-1].at if attempt.facts else attempt.began,
        facts=[_plain(fact) for fact in attempt.facts],
        before=[_plain(fact) for fact in attempt.before or ()],
    )
    if len(record.model_dump_json()) > _LONGEST:
        record = record.model_copy(update={"before": []})
    while len(record.model_dump_json()) > _LONGEST and record.facts:
        record = record.model_copy(update={"facts": record.facts[len(record.facts) // 2 + 1 :]})
    return record


def restore(attempts: Attempts, records: Iterable[KeptAttempt], now: float) -> None:
    """Remember what was kept; a record that cannot be read any more is passed over.

    :param now: seconds since the epoch
    """
    for record in sorted(records, key=lambda one: one.heard):
        try:
            facts = [_FACT.validate_python(fact) for fact in record.facts]
            before = [_FACT.validate_python(fact) for fact in record.before]
        except ValidationError:
            continue  # of another release
        attempt = Attempt(record.machine, id=record.id, offered=record.offered, facts=facts, outcome=record.outcome)
        attempt.told, attempt.began, attempt.before = record.told, record.began, before or None
        attempts.restore(attempt, max(0.0, now - record.heard))


def _plain(fact: Fact) -> dict[str, Any]:
    return fact.model_dump(mode="json", exclude_defaults=True) | {"kind": fact.kind, "at": fact.at}

"""Which machines were seen, approved and denied, in a store that server and command line share.

Two collections: what is decided is kept for ever, what is only seen up to a number. Knows no hooks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pixiecore_core import Machine, PendingChange, StateStore

Verdict = Literal["waiting", "approved", "denied"]
Decision = Literal["approved", "denied"]

REMEMBERED = 10_000
"""How many machines that are only seen are remembered: those seen last. Approved and denied ones always are."""
LONGEST_TEXT = 128
"""Characters that are kept of each thing that a machine says of itself."""

TEXTS = ("uuid", "serial", "asset", "manufacturer", "product", "address", "subnet", "relay")
"""What a machine says of itself, or what is known about where it asks."""
_TABLE = "allowlist"
"""In which releases before the store kept all machines: mac, verdict, and the fields of :class:`Seen`."""


class Seen(BaseModel):
    """What to remember about a machine that asked."""

    model_config = ConfigDict(frozen=True)

    uuid: str = ""
    serial: str = ""
    asset: str = ""
    manufacturer: str = ""
    product: str = ""
    address: str = ""
    subnet: str = ""
    relay: str = ""
    first_seen: float | None = None
    """Seconds since the epoch; ``None`` if it was never seen."""
    last_seen: float | None = None

    def then(self, later: Seen) -> Seen:
        """Both: a machine says less of itself by DHCP than at its script."""
        texts = {name: getattr(later, name) or getattr(self, name) for name in TEXTS}
        first = later.first_seen if self.first_seen is None else self.first_seen
        return Seen(first_seen=first, last_seen=later.last_seen or self.last_seen, **texts)


class Decided(BaseModel):
    """What was decided about a machine, and what was known about it then."""

    model_config = ConfigDict(frozen=True)

    verdict: Decision
    seen: Seen = Seen()


class Known(Seen):
    """One machine; it was never seen if it was approved or denied before that."""

    mac: str
    verdict: Verdict


def seen(machine: Machine) -> Seen:
    """What to remember about a machine that asks now."""
    now = time.time()
    return Seen(first_seen=now, last_seen=now, **{name: _text(getattr(machine, name)) for name in TEXTS})


class States:
    """The machines.

    :param path: the file; made, with its folder, where it is missing
    """

    def __init__(self, path: Path) -> None:
        self.store = StateStore(path)
        self._seen = self.store.records("seen", Seen, REMEMBERED, _TABLE, _old_seen)
        self._decided = self.store.records("decided", Decided, None, _TABLE, _old_decided)

    def verdict(self, mac: str) -> Decision | None:
        """What was decided about a machine, if anything.

        :raises StateError: it cannot be read
        """
        decided = self._decided.get(mac)
        return decided.verdict if decided is not None else None

    def beginning(self, text: str) -> list[str]:
        """The machines whose addresses begin so, for a shell to complete."""
        return self.store.keys_for_a_shell(text, self._seen, self._decided)

    def all(self, waiting: bool = False) -> list[Known]:
        """Every machine, those that wait first, and of these the last seen first.

        :param waiting: only those that wait
        :raises StateError: they cannot be read
        """
        decided = self._decided.all()
        seen = self._seen.all()
        machines = [
            Known(mac=mac, verdict="waiting", **dict(facts)) for mac, facts in seen.items() if mac not in decided
        ]
        if not waiting:
            for mac, known in decided.items():
                facts = known.seen.then(seen[mac]) if mac in seen else known.seen
                machines.append(Known(mac=mac, verdict=known.verdict, **dict(facts)))
        return sorted(machines, key=lambda known: (known.verdict != "waiting", -(known.last_seen or 0), known.mac))

    def decide(self, decision: Decision, *macs: str) -> None:
        """Approve or deny machines, seen or not, and wait until that is kept.

        :raises StateError: it cannot be written; nothing is decided about at least one of them
        """
        seen = {mac: self._seen.get(mac) for mac in macs}
        changes = [self._decided.begin_change(mac, _decision(decision, seen[mac])) for mac in macs]
        for change in changes:
            change.wait()
        for removal in [self._seen.begin_removal(mac) for mac in macs if seen[mac] is not None]:
            removal.wait()

    def see(self, machines: Iterable[tuple[str, Seen]]) -> list[PendingChange[Seen | None]]:
        """Begin to remember machines as seen. Forgets those seen longest ago beyond :data:`REMEMBERED`.

        :raises StateError: they cannot be written, as far as is known at once
        """
        return [self._seen.begin_change(mac, _sighting(facts)) for mac, facts in machines]

    def forget(self, *macs: str) -> int:
        """Forget these machines; returns how many were known.

        :raises StateError: it cannot be written
        """
        removals = [(self._seen.begin_removal(mac), self._decided.begin_removal(mac)) for mac in macs]
        return sum([was_seen.wait() | was_decided.wait() for was_seen, was_decided in removals])

    def forget_all(self) -> int:
        """Forget everything, even what cannot be read; returns how many machines were known.

        :raises StateError: it cannot be written
        """
        return self.forget(*{*self._seen.keys(), *self._decided.keys()})


def _decision(decision: Decision, facts: Seen | None) -> Callable[[Decided | None], Decided]:
    def decide(before: Decided | None) -> Decided:
        known = before.seen if before is not None else Seen()
        return Decided(verdict=decision, seen=known.then(facts) if facts is not None else known)

    return decide


def _sighting(facts: Seen) -> Callable[[Seen | None], Seen]:
    return lambda before: before.then(facts) if before is not None else facts


def _old_seen(row: dict[str, object]) -> dict[str, object] | None:
    return row if row.pop("verdict") == "waiting" else None


def _old_decided(row: dict[str, object]) -> dict[str, object] | None:
    verdict = row.pop("verdict")
    # An unknown verdict stays one, and holds its machine.
    return {"verdict": verdict, "seen": row} if verdict != "waiting" else None


def _text(value: object) -> str:
    if value is None:
        return ""
    # JSON takes no lone surrogates.
    return str(value)[:LONGEST_TEXT].encode("utf-8", "replace").decode()

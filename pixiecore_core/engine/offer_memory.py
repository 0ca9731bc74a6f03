"""Remembers what each machine's firmware took, and what firmware of the same kind took, within bounds.

The last that worked comes first the next time. What differs from the usual is handed on to be kept over a restart; who
keeps it is no matter here. Pure: no clock, no disk.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

from pydantic import BaseModel, ConfigDict

from pixiecore_core.models import PxeRequest
from pixiecore_core.models.offer import Trouble

MACHINES = 10_000
KINDS = 1_000
"""Of firmware: machines of one maker with one version of its PXE stack."""

Names = dict[Trouble, str]
"""The row that worked against each trouble."""


class Worked(BaseModel):
    """What worked, as it is kept."""

    model_config = ConfigDict(frozen=True)

    rows: Names = {}


Keep = Callable[[str, Worked], None]
"""``keep(key, worked)``; the key is a machine's, or that of a kind of firmware. Must not wait."""


def fingerprint(request: PxeRequest) -> str:
    """The kind of a request's firmware: its maker, by the card's address, and what it says of itself in option 60."""
    return f"{request.machine.mac[:8]} {request.vendor_class}"


class OfferMemory:
    """What worked, for machines and for kinds of firmware. A machine is called ``MAC/CLIENT``.

    :param keep: told of what differs from the usual
    """

    def __init__(self, keep: Keep = lambda key, worked: None) -> None:
        self._keep = keep
        self._worked: OrderedDict[str, Names] = OrderedDict()
        self._kinds: OrderedDict[str, Names] = OrderedDict()

    def recall(self, kept: Mapping[str, Worked]) -> None:
        """Take up what was kept, the oldest first."""
        for key, worked in kept.items():
            _put(*self._place(key), key, dict(worked.rows))

    def known(self, machine: str, kind: str) -> Names:
        """What worked for a machine; where nothing is known, for its kind of firmware."""
        return self._kinds.get(kind, {}) | self._worked.get(machine, {})

    def of_machine(self, machine: str) -> Names:
        """What worked for a machine itself."""
        return self._worked.get(machine, {})

    def worked(self, machine: str, kind: str, rows: Names, usual: Names) -> None:
        """Remember what worked.

        :param usual: what would have been tried first
        """
        for key in (machine, kind):
            memory, most = self._place(key)
            before = memory.get(key, {})
            after = before | rows
            if after == before:
                continue
            _put(memory, most, key, after)
            # Most machines take what is usual: that needs no disk.
            if any(before.get(trouble, usual.get(trouble)) != name for trouble, name in rows.items()):
                self._keep(key, Worked(rows=after))

    def _place(self, key: str) -> tuple[OrderedDict[str, Names], int]:
        return (self._kinds, KINDS) if " " in key else (self._worked, MACHINES)


def _put(memory: OrderedDict[str, Names], most: int, key: str, names: Names) -> None:
    memory[key] = names
    memory.move_to_end(key)
    if len(memory) > most:
        memory.popitem(last=False)

"""Remembers what each machine's firmware took, and what firmware of the same kind took, within bounds.

The last that worked comes first the next time. What differs from the usual is handed on to be kept over a restart; who
keeps it is no matter here. A neighbour can make up machines, so a kind of firmware is taught by two, and only how an
offer is worded. Pure: no clock, no disk.
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
TEACHERS = 2
"""How many machines of a kind must have booted by a wording before others of it begin with it."""

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
        self._teachers: OrderedDict[tuple[str, str], set[str]] = OrderedDict()

    def recall(self, kept: Mapping[str, Worked]) -> None:
        """Take up what was kept, the oldest first."""
        for key, worked in kept.items():
            memory, most = (self._kinds, KINDS) if " " in key else (self._worked, MACHINES)
            _put(memory, most, key, dict(worked.rows))

    def known(self, machine: str, kind: str) -> Names:
        """What worked for a machine; where nothing is known, for its kind of firmware."""
        return self._kinds.get(kind, {}) | self._worked.get(machine, {})

    def of_machine(self, machine: str) -> Names:
        """What worked for a machine itself."""
        return self._worked.get(machine, {})

    def worked(self, machine: str, rows: Names, usual: Names) -> None:
        """Remember what worked for a machine.

        :param usual: what would have been tried first
        """
        before = self._worked.get(machine, {})
        after = before | rows
        _put(self._worked, MACHINES, machine, after)
        # Most machines take what is usual: that needs no disk.
        if after != before and any(before.get(trouble, usual[trouble]) != name for trouble, name in rows.items()):
            self._keep(machine, Worked(rows=after))

    def taught(self, kind: str, machine: str, wording: str, usual: str) -> None:
        """A machine of a kind has booted by a wording.

        :param usual: the wording that would have been tried first
        """
        before = self._kinds.get(kind, {}).get(Trouble.OFFER, usual)
        if wording == before:
            if kind in self._kinds:
                self._kinds.move_to_end(kind)
            return
        teachers = self._teachers.setdefault((kind, wording), set())
        teachers.add(machine)
        self._teachers.move_to_end((kind, wording))
        if len(self._teachers) > KINDS:
            self._teachers.popitem(last=False)
        if len(teachers) >= TEACHERS:
            del self._teachers[kind, wording]
            _put(self._kinds, KINDS, kind, {Trouble.OFFER: wording})
            self._keep(kind, Worked(rows={Trouble.OFFER: wording}))


def _put(memory: OrderedDict[str, Names], most: int, key: str, names: Names) -> None:
    memory[key] = names
    memory.move_to_end(key)
    if len(memory) > most:
        memory.popitem(last=False)

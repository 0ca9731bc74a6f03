"""Whose booted system speaks from an address: the machine that fetched a script or a file from there lately.

An address says little by itself; the newest machine that was served at it has it. A system that asks its DHCP server
for another address than its iPXE had is known by that one too, unless a machine was served there. Pure and bounded.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from pixiecore_core.models.facts import (
    AddressAsked,
    Fact,
    FileSent,
    InitrdSent,
    KernelSent,
    LoaderSent,
    Reported,
    ScriptSent,
    SentToDisk,
)

ADDRESSES = 10_000
LATELY_SECONDS = 2 * 3600.0
"""An installation may take an hour after the last file that it had from here."""

_SERVED = (ScriptSent, SentToDisk, LoaderSent, KernelSent, InitrdSent, FileSent, Reported)


@dataclass(frozen=True, slots=True)
class _Known:
    mac: str
    until: float
    served: bool
    """Whether the machine was served there, not only heard to ask for it."""


class Callers:
    """Subscribes to a bus.

    :param clock: seconds, monotonic
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def hear(self, fact: Fact, sentence: str = "") -> None:
        """Note where a machine is."""
        if fact.mac is None:
            return
        if isinstance(fact, _SERVED):
            self._note(fact.address, fact.mac, served=True)
        elif isinstance(fact, AddressAsked) and fact.client == "its system":
            self._note(fact.asked_for, fact.mac, served=False)

    def machine_at(self, address: str) -> str | None:
        """The MAC of the machine that is at *address*."""
        known = self._known.get(address)
        return known.mac if known is not None and self._clock() < known.until else None

    def _note(self, address: str, mac: str, served: bool) -> None:
        if not address:
            return
        known, now = self._known.get(address), self._clock()
        if known is not None and known.served and not served and now < known.until:
            return
        self._known[address] = _Known(mac, now + LATELY_SECONDS, served)
        self._known.move_to_end(address)
        if len(self._known) > ADDRESSES:
            self._known.popitem(last=False)

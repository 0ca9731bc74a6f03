"""Chooses how a machine is answered, and what is tried next when it comes back without having taken the last answer.

The ways are rows (:mod:`pixiecore_core.boot.variants`). What is being tried belongs to a machine's attempt; what worked
is in :mod:`pixiecore_core.engine.offer_memory`. Pure but for these two: the time comes from a clock, nothing is sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pixiecore_core.boot.variants import VariantTable
from pixiecore_core.engine.attempts import Attempt, Attempts
from pixiecore_core.engine.offer_memory import OfferMemory, fingerprint
from pixiecore_core.engine.policy import Policy
from pixiecore_core.engine.trial import Step, Trial, step_of
from pixiecore_core.models import Client, PxeRequest
from pixiecore_core.models.facts import Booting, Fact
from pixiecore_core.models.offer import OfferVariant, Trouble

WINDOW = 2.0
"""Seconds from an offer until the same question means that it was refused. Firmware asks again after 4 s at the
earliest (PXE 2.1 section 2.2.3); what comes sooner is a copy, over another relay or interface."""
LONGEST_WINDOW = 64.0
"""Seconds. Firmware waits for 32 at the most before it asks again: after twice as many it has begun anew."""

_AS_USUAL = "as usual"
"""What is tried first against troubles that have not happened: nothing special."""
_TROUBLE = {Step.ANSWERED: Trouble.OFFER, Step.FETCHING: Trouble.TRANSFER, Step.LOADED: Trouble.LOADER}
_SINCE = {
    Trouble.OFFER: "it has not taken {}",
    Trouble.TRANSFER: "its first file has not arrived with {}",
    Trouble.LOADER: "its iPXE has not been heard of with {}",
}
_SINCE_AS_USUAL = {
    Trouble.TRANSFER: "its first file has not arrived",
    Trouble.LOADER: "it has fetched iPXE and not been heard of since (is Secure Boot on?)",
}


@dataclass(frozen=True, slots=True)
class Way:
    """How a request is answered.

    :param wording: the row by which the answer is worded
    :param helps: rows against the troubles of later steps
    :param because: why it is another way than before; empty if it is not
    """

    wording: OfferVariant
    helps: tuple[OfferVariant, ...] = ()
    because: str = ""

    @property
    def name(self) -> str:
        """The names of its rows."""
        return "+".join(row.name for row in (self.wording, *self.helps))

    @property
    def other_loader(self) -> bool:
        """Whether the machine is handed the other build of iPXE."""
        return any(row.other_loader for row in self.helps)


@dataclass(slots=True)
class Adapter:
    """Chooses.

    :param has_other_loader: whether another build of iPXE is here for a machine's firmware
    :param pinned: rows by hand: for each MAC address, and for ``""`` for all others
    :param clock: seconds, monotonic
    """

    table: VariantTable
    attempts: Attempts
    memory: OfferMemory
    policy: Policy
    has_other_loader: Callable[[PxeRequest], bool]
    pinned: Mapping[str, str] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic

    def choose(self, request: PxeRequest, attempt: Attempt, discovers: bool = True) -> Way:
        """The way to answer *request*.

        :param discovers: whether it is a DISCOVER; what follows one is answered as that was
        """
        fitting = self.table.fitting(request)
        if request.client is Client.IPXE:
            return Way(self._pin(request, fitting) or fitting[0])
        trial = attempt.trials.get(request.client)
        if not discovers:
            # The offer that brought it here may have been another instance's, or made before a restart.
            tried = trial.tried if trial is not None else {}
            named = self._pin(request, fitting) or _named(tried.get(Trouble.OFFER, ""), fitting)
            return Way(named or fitting[0], self._helps(request, tried))
        because = ""
        if trial is None or trial.fingerprint != fingerprint(request):
            # Another program on the same card, such as a Raspberry Pi's ROM and then its UEFI, has a taste of its own.
            trial = self._begin(request)
            attempt.trials = {**attempt.trials, request.client: trial}
        else:
            because = self._go_on(request, trial)
        now = self.clock()
        trial.asked = 1 if now - trial.answered > LONGEST_WINDOW else trial.asked + 1
        trial.answered, trial.step = now, Step.ANSWERED  # before a plugin is asked, which may wait
        pinned = self._pin(request, fitting)
        wording = pinned or _named(trial.tried[Trouble.OFFER], fitting) or fitting[0]
        trial.tried[Trouble.OFFER] = wording.name
        return Way(wording, self._helps(request, trial.tried), because if pinned is None else "")

    def answers_requests(self, mac: str) -> bool:
        """Whether a DHCPREQUEST of this machine's firmware is to be answered."""
        trial = self._trial(mac)
        row = self.table.rows.get(trial.tried[Trouble.OFFER]) if trial is not None else None
        return row is not None and row.answers_requests

    def limits(self, mac: str) -> tuple[int | None, int | None]:
        """The largest TFTP block, in bytes, and window, in blocks, that are good for a machine; ``None`` for any."""
        trial = self._trial(mac)
        row = self.table.rows.get(trial.tried[Trouble.TRANSFER]) if trial is not None else None
        return (row.most_blksize, row.most_windowsize) if row is not None else (None, None)

    def hear(self, fact: Fact, sentence: str = "") -> None:
        """Learn from a fact how far its machine has come. To be told after :class:`Attempts`."""
        step = step_of(fact)
        trial = self._trial(fact.mac) if step is not None and fact.mac is not None else None
        if trial is None or step is None or (step is Step.STARTED and trial.step is Step.ANSWERED):
            return  # another instance has served it; or a stranger asks in its name
        row = self.table.rows.get(trial.tried[Trouble.OFFER])
        if isinstance(fact, Booting) and row is not None and not row.answers_requests:
            wording, usual = trial.tried[Trouble.OFFER], trial.usual[Trouble.OFFER]
            self.memory.taught(trial.fingerprint, trial.machine, wording, usual)
        if step <= trial.step:
            return
        trial.step, trial.stepped = step, self.clock()
        passed = [trouble for reached, trouble in _TROUBLE.items() if reached < step]
        for trouble in passed:
            trial.failures.pop(trouble, None)
        if passed:
            rows = {trouble: trial.tried[trouble] for trouble in passed}
            self.memory.worked(trial.machine, rows, trial.usual)

    def _trial(self, mac: str) -> Trial | None:
        """What a machine was answered last."""
        attempt = self.attempts.latest(mac)
        trials = attempt.trials.values() if attempt is not None else ()
        return max(trials, key=lambda trial: trial.answered, default=None)

    def _begin(self, request: PxeRequest) -> Trial:
        """Begin with what has worked for the machine, or for its firmware."""
        who, of = f"{request.machine.mac}/{request.client}", fingerprint(request)
        usual = dict.fromkeys(Trouble, _AS_USUAL) | {Trouble.OFFER: self.table.fitting(request)[0].name}
        return Trial(who, of, usual, usual | self.memory.known(who, of))

    def _go_on(self, request: PxeRequest, trial: Trial) -> str:
        """Try something else, if what was tried has failed; why."""
        now = self.clock()
        trouble = _TROUBLE.get(trial.step)
        since = trial.answered if trouble is Trouble.OFFER else trial.stepped
        if trouble is None or now - since < WINDOW:
            return ""
        if trouble is Trouble.OFFER and trial.asked < 2 and now - since > LONGEST_WINDOW:
            return ""  # it did not ask again: perhaps another instance has served it
        before = trial.tried[trouble]
        trial.failures[trouble] = trial.failures.get(trouble, 0) + 1
        if trial.failures[trouble] < self._patience(trial, trouble):
            return ""
        rows = [row.name for row in self._fitting(request, trouble)]
        ways = rows if trouble is Trouble.OFFER else [_AS_USUAL, *rows]
        if len(ways) < 2:
            return ""
        trial.tried[trouble] = ways[(ways.index(before) + 1) % len(ways)] if before in ways else ways[0]
        trial.failures.pop(trouble)
        return _SINCE_AS_USUAL[trouble] if before == _AS_USUAL else _SINCE[trouble].format(before)

    def _patience(self, trial: Trial, trouble: Trouble) -> int:
        """How many failures in a row are more than an accident: somebody may have switched the machine off, or its DHCP
        server may be slow."""
        known = self.memory.of_machine(trial.machine).get(trouble) == trial.tried[trouble]
        return 2 if known or trouble is not Trouble.OFFER else 1

    def _fitting(self, request: PxeRequest, trouble: Trouble) -> list[OfferVariant]:
        rows = self.table.fitting(request, trouble)
        return [row for row in rows if not row.other_loader or self.has_other_loader(request)]

    def _helps(self, request: PxeRequest, tried: Mapping[Trouble, str]) -> tuple[OfferVariant, ...]:
        found = (
            _named(tried[trouble], self._fitting(request, trouble))
            for trouble in (Trouble.TRANSFER, Trouble.LOADER)
            if tried.get(trouble, _AS_USUAL) != _AS_USUAL
        )
        return tuple(row for row in found if row is not None)

    def _pin(self, request: PxeRequest, fitting: Sequence[OfferVariant]) -> OfferVariant | None:
        """The row that a plugin, or the user, wants for this machine, if it fits."""
        mac = request.machine.mac
        name = self.policy.pick_offer(request, [row.name for row in fitting])
        name = name or self.pinned.get(mac) or self.pinned.get("")
        return _named(name, fitting) if name else None


def _named(name: str, rows: Sequence[OfferVariant]) -> OfferVariant | None:
    return next((row for row in rows if row.name == name), None)

"""Remembers each machine's boot attempt: where it asked from, what it was offered, what happened, how it stands.

The one memory of machines, within bounds: a flood of made-up addresses pushes out those that have been silent longest
and cannot grow it. The clock is given when it is made. Keeps facts; what they mean is for their readers.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from types import MappingProxyType

from pixiecore_core.boot.identify import asked_from
from pixiecore_core.engine.policy import Decision
from pixiecore_core.engine.trial import Trial
from pixiecore_core.models import Client, Machine, PxeRequest
from pixiecore_core.models.facts import (
    AddressAsked,
    Booting,
    Fact,
    Failed,
    Held,
    Ignored,
    KernelSent,
    LoaderSent,
    Logged,
    Offered,
    PxeAnswered,
    Reported,
    ScriptOffered,
    ScriptSent,
    SentToDisk,
    StepFailed,
)

MACHINES = 10_000
FACTS = 50_000
"""Of all machines together; beyond it, those silent longest are forgotten."""
FACTS_OF_ONE = 50
LINES_OF_ONE = {"step": 16, "error": 6, "other": 1}
"""How many lines of its system an attempt keeps, of each sort."""
_ERROR = 3  # RFC 5424 section 6.2.1
SILENCE_SECONDS = 120.0
"""A machine that was silent for so many seconds begins anew. EDK2 waits up to 60 s between two tries of its own."""
LATELY_SECONDS = 60.0
"""A machine that was heard of within so many seconds is at it still."""
LATE_KEPT_SECONDS = 20.0
"""EDK2 asks again after 4, 8 and 16 s: a decision that came late is kept until the retry after that."""


class Outcome(StrEnum):
    """How an attempt stands."""

    UNDER_WAY = "under way"
    IGNORED = "ignored"
    HELD = "held"
    FAILED = "failed"
    LOCAL = "local"
    """It goes to its own disk."""
    STALLED = "stalled"
    """It was under way, and has been silent for long."""
    BOOTING = "booting"
    """Everything was loaded, and the kernel started; nothing has been heard of its system yet."""
    BOOTED = "booted"
    """Its system has been heard of."""


_OUTCOMES: dict[type[Fact], Outcome] = {
    Ignored: Outcome.IGNORED,
    Held: Outcome.HELD,
    Failed: Outcome.FAILED,
    SentToDisk: Outcome.LOCAL,
    StepFailed: Outcome.FAILED,
    Booting: Outcome.BOOTING,
    Reported: Outcome.BOOTED,
    Logged: Outcome.BOOTED,
    Offered: Outcome.UNDER_WAY,
    PxeAnswered: Outcome.UNDER_WAY,
    ScriptOffered: Outcome.UNDER_WAY,
    LoaderSent: Outcome.UNDER_WAY,
    ScriptSent: Outcome.UNDER_WAY,
    KernelSent: Outcome.UNDER_WAY,
}
"""What a fact says of its attempt; others leave it as it is."""
_STARTED = (Outcome.BOOTING, Outcome.BOOTED, Outcome.LOCAL)

_NO_TRIALS: Mapping[Client, Trial] = MappingProxyType({})  # most attempts that are remembered need no memory for one

_PREFIX, _numbers = secrets.token_hex(3), count()
"""Of an attempt's identifier: two instances hardly ever begin alike, and one never repeats itself."""

Question = tuple[str, str, int]
"""Which of an attempt's questions it was: stage, client, architecture code."""


@dataclass(slots=True)
class Attempt:
    """One try of one machine to boot."""

    machine: Machine
    """What DHCP says of it; only its MAC, where that is all."""
    told: Machine | None = None
    """What its iPXE has said of it, when it asked for its script."""
    id: str = field(default_factory=lambda: f"{_PREFIX}{next(_numbers) & 0xFFFFFF:06x}")
    offered: str = ""
    """The way its last offer was worded: a row of the table of variants."""
    facts: list[Fact] = field(default_factory=list)  # a deque has room for 64 from the start
    """What happened, oldest first."""
    outcome: Outcome = Outcome.UNDER_WAY
    began: float = 0.0
    """In seconds since the epoch: other instances compare it with theirs."""
    heard: float = 0.0
    """When it was heard of last, by the clock of :class:`Attempts`."""
    before: list[Fact] | None = None
    """The facts of the attempt before this one."""
    step_failures: int = 0
    """How many steps of its scripts have failed; its facts may be too few to count them."""
    ipxe_asked: bool = False
    """Whether it has come so far that its iPXE asked, by DHCP or for its script."""
    trials: Mapping[Client, Trial] = field(default_factory=lambda: _NO_TRIALS)
    """What each client of its firmware is being answered; goes on in the next attempt."""
    late: dict[Question, tuple[float, Decision]] | None = None
    """Decisions that came too late for their own request, and until when each is kept."""

    def is_over(self, request: PxeRequest) -> bool:
        """Whether *request* begins another attempt, however soon it comes: the machine has started, or its firmware
        asks again where its iPXE had asked already, so that it was switched off and on.
        """
        if self.outcome in _STARTED:
            return True
        return request.client is not Client.IPXE and self.ipxe_asked


def _outcome_after(fact: Fact, before: Outcome) -> Outcome:
    if isinstance(fact, StepFailed) and fact.step == "script" and before is Outcome.IGNORED:
        return before  # in a capture: that it has no script is no news
    if isinstance(fact, StepFailed) and fact.retry:
        return Outcome.UNDER_WAY
    if isinstance(fact, AddressAsked):
        return Outcome.BOOTED if before is Outcome.BOOTING and fact.client == "its system" else before
    if isinstance(fact, Failed) and before is Outcome.BOOTED:
        return before  # what its system fetches by itself is another matter
    return _OUTCOMES.get(type(fact), before)


def _sort_of(fact: Logged) -> str:
    """Which lines of a system displace each other."""
    return "step" if fact.step else "error" if fact.severity <= _ERROR else "other"


def _thin_out(facts: list[Fact], newest: Logged) -> int:
    """Forget a line of a system for the sake of *newest*, so that a boot is never forgotten for what comes after it:
    the first and the last of each sort stay. How many were forgotten.
    """
    sort = _sort_of(newest)
    most = LINES_OF_ONE[sort]
    alike = [place for place, fact in enumerate(facts) if isinstance(fact, Logged) and _sort_of(fact) == sort]
    if len(alike) <= most:
        return 0
    del facts[alike[most // 2]]
    return 1


def question_of(request: PxeRequest) -> Question:
    """Which of its attempt's questions a request is; a retransmission is the same."""
    architecture = request.machine.architecture
    return request.stage, request.client, architecture.code if architecture is not None else -1


class Attempts:
    """The latest attempts of the latest machines.

    :param machines: how many machines are remembered
    :param facts: how many facts are remembered for all of them together
    :param clock: seconds, monotonic
    :param wall: seconds since the epoch
    """

    def __init__(
        self,
        machines: int = MACHINES,
        facts: int = FACTS,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._most_machines = machines
        self._most_facts = facts
        self._clock = clock
        self._wall = wall
        self._attempts: OrderedDict[str, Attempt] = OrderedDict()
        self._facts = 0

    def __len__(self) -> int:
        return len(self._attempts)

    def asked(self, request: PxeRequest) -> Attempt:
        """The attempt that a machine's request belongs to, which may be a new one."""
        machine, now = request.machine, self._clock()
        attempt = self._attempts.get(machine.mac)
        if attempt is None:
            attempt = self._begin(machine)
        elif now - attempt.heard > SILENCE_SECONDS or attempt.is_over(request):
            attempt = self._begin(machine, attempt)
        else:
            attempt.machine = machine
        attempt.ipxe_asked |= request.client is Client.IPXE
        self._heard(machine.mac, attempt, now)
        return attempt

    def add(self, fact: Fact, sentence: str = "") -> None:
        """Remember a fact; one that belongs to no machine is not kept."""
        if fact.mac is None:
            return
        attempt = self._attempts.get(fact.mac)
        if attempt is None:
            attempt = self._begin(Machine(mac=fact.mac))
        attempt.facts.append(fact)
        attempt.step_failures += isinstance(fact, StepFailed)
        self._facts += 1
        if type(fact) is Logged:
            self._facts -= _thin_out(attempt.facts, fact)
        if len(attempt.facts) > FACTS_OF_ONE:
            del attempt.facts[0]
            self._facts -= 1
        attempt.outcome = _outcome_after(fact, attempt.outcome)
        if isinstance(fact, (Offered, PxeAnswered, ScriptOffered)):
            attempt.offered = fact.variant
        # One that was led there by its autoexec script has not asked DHCP.
        attempt.ipxe_asked |= isinstance(fact, (ScriptSent, SentToDisk))
        self._heard(fact.mac, attempt, self._clock())
        while self._facts > self._most_facts and len(self._attempts) > 1:
            self._forget_oldest()

    def complete(self, machine: Machine) -> Machine:
        """*machine*, as its script request describes it, with what its DHCP request said."""
        attempt = self._attempts.get(machine.mac)
        if attempt is None:
            return machine
        known = asked_from(machine, attempt.machine)
        # What iPXE does not say at its script, it may have said by DHCP.
        attempt.told = known
        by_dhcp = {name: getattr(attempt.machine, name) for name in ("hostname", "bus_id") if not getattr(known, name)}
        if by_dhcp:
            known = attempt.told = known.model_copy(update=by_dhcp)
        return known

    def resume(self, machine: Machine, identifier: str, began: float) -> None:
        """Take over an attempt that another instance has begun, as its token says. The token of an attempt before this
        one, which somebody may have kept, begins nothing.

        :param machine: with where it asked from
        :param began: when that attempt began, in whole seconds since the epoch
        """
        attempt = self._attempts.get(machine.mac)
        if identifier and (attempt is None or (identifier != attempt.id and began >= int(attempt.began))):
            resumed = self._begin(machine, attempt)
            resumed.id, resumed.began, resumed.ipxe_asked = identifier, began, True
            self._heard(machine.mac, resumed, self._clock())

    def keep_late(self, attempt: Attempt, question: Question, decision: Decision) -> None:
        """Keep a decision that came too late for its own request, for the next retry."""
        attempt.late = attempt.late or {}
        attempt.late[question] = (self._clock() + LATE_KEPT_SECONDS, decision)

    def take_late(self, attempt: Attempt, question: Question) -> Decision | None:
        """The late decision that was kept for this question, once; ``None`` where there is none, or it is too old."""
        if not attempt.late:
            return None
        until, decision = attempt.late.pop(question, (0.0, None))
        return decision if self._clock() < until else None

    def latest(self, mac: str) -> Attempt | None:
        """The machine's latest attempt."""
        return self._attempts.get(mac)

    def waits_for_life(self, mac: str) -> bool:
        """Whether the machine has started its kernel, and nothing has been heard of its system yet."""
        attempt = self._attempts.get(mac)
        return attempt is not None and attempt.outcome is Outcome.BOOTING

    def is_news(self, fact: AddressAsked) -> bool:
        """Whether the machine's latest attempt has not heard the same already: clients repeat themselves."""
        attempt = self._attempts.get(fact.mac or "")
        said = (fact.client, fact.server, fact.asked_for)
        return attempt is None or not any(
            isinstance(one, AddressAsked) and (one.client, one.server, one.asked_for) == said for one in attempt.facts
        )

    def is_under_way(self, mac: str) -> bool:
        """Whether the machine was offered a boot lately and has not started its kernel."""
        attempt = self._attempts.get(mac)
        if attempt is None or not attempt.offered or attempt.outcome not in (Outcome.UNDER_WAY, Outcome.HELD):
            return False
        return self._clock() - attempt.heard <= LATELY_SECONDS

    def facts(self, mac: str) -> list[Fact]:
        """What happened to the machine in its latest attempt and the one before, oldest first."""
        attempt = self._attempts.get(mac)
        return [*(attempt.before or ()), *attempt.facts] if attempt is not None else []

    def machines(self) -> list[str]:
        """The machines remembered, the one heard of last first."""
        return list(reversed(self._attempts))

    def tally(self, patience: float, busy: Container[str] = ()) -> dict[str, int]:
        """How many machines are in each state: about a millisecond for all of them.

        :param patience: seconds of silence after which a machine under way has stalled
        :param busy: machines that are not silent, since they are being sent something
        """
        late, counted = self._clock() - patience, Counter[Outcome]()
        for mac, attempt in self._attempts.items():
            held = attempt.facts[-1].seconds if attempt.facts and isinstance(attempt.facts[-1], Held) else 0
            waits = attempt.outcome is Outcome.HELD and attempt.heard < late - held
            stalled = waits or (attempt.outcome is Outcome.UNDER_WAY and attempt.heard < late and mac not in busy)
            counted[Outcome.STALLED if stalled else attempt.outcome] += 1
        return {str(outcome): counted[outcome] for outcome in Outcome if counted[outcome]}

    def begin_anew(self, mac: str) -> bool:
        """Forget what a machine's attempts have come to, so that its next request begins one that nothing is held
        against: no failures are counted, and no way to answer it has been refused. Whether it was known.
        """
        attempt = self._attempts.get(mac)
        if attempt is None:
            return False
        begun = self._begin(attempt.machine, attempt)
        begun.told, begun.trials = attempt.told, _NO_TRIALS
        self._attempts.move_to_end(mac)
        return True

    def restore(self, attempt: Attempt, silent: float) -> None:
        """Remember an attempt of an earlier process.

        :param silent: seconds since it was heard of
        """
        mac = attempt.machine.mac
        if mac not in self._attempts and len(self._attempts) < self._most_machines:
            attempt.heard = self._clock() - silent
            self._attempts[mac] = attempt
            self._facts += len(attempt.facts) + len(attempt.before or ())

    def _begin(self, machine: Machine, last: Attempt | None = None) -> Attempt:
        attempt = self._attempts[machine.mac] = Attempt(machine, began=self._wall(), heard=self._clock())
        if last is not None:
            self._facts -= len(last.before or ())
            attempt.before, attempt.trials = last.facts, last.trials
        if len(self._attempts) > self._most_machines:
            self._forget_oldest()
        return attempt

    def _heard(self, mac: str, attempt: Attempt, now: float) -> None:
        attempt.heard = now
        self._attempts.move_to_end(mac)

    def _forget_oldest(self) -> None:
        _, attempt = self._attempts.popitem(last=False)
        self._facts -= len(attempt.facts) + len(attempt.before or ())

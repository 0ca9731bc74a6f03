"""Boot attempts as traces: one an attempt, with a span a step, made once the attempt is over or has gone quiet.

Subscribes to a bus, and only notes there who was heard of: spans are made when :meth:`Traces.flush` is called, in a
greenlet of its own. Knows no OpenTelemetry (otlp.py does). Bounded; what is lost is counted.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pixiecore_core.engine.attempts import SILENCE_SECONDS, Attempt, Attempts, Outcome
from pixiecore_core.engine.case import Case
from pixiecore_core.engine.diagnoses.common import outcome_of
from pixiecore_core.engine.diagnosing import diagnose
from pixiecore_core.models.facts import Fact, FileSent, InitrdSent, KernelSent, LoaderSent, Logged

PENDING = 10_000
"""Attempts that are not over; beyond it, those that began first are lost."""
STARTED_SECONDS = 300.0
"""How long a system may be silent after its kernel has started; its installer may be at work."""
_AT_ONCE = 10
"""Attempts in one message: making 500 spans takes the loop 10 ms."""
_AT_THE_END = 200
_WELL = (Outcome.BOOTED, Outcome.BOOTING, Outcome.LOCAL)


@dataclass(frozen=True, slots=True)
class Step:
    """A span, in seconds since the epoch."""

    name: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Trace:
    """One attempt."""

    mac: str
    architecture: str
    outcome: Outcome
    cause: str
    """The name of the first diagnosis; empty for none."""
    began: float
    ended: float
    steps: tuple[Step, ...]

    @property
    def failed(self) -> bool:
        """Whether the machine was to boot, and has not."""
        return self.outcome in (Outcome.FAILED, Outcome.STALLED)


Send = Callable[[Sequence[Trace]], bool]
"""Sends traces, which may take seconds; whether they were taken."""


def trace_of(attempt: Attempt, now: float) -> Trace:
    """An attempt, which has a fact at least, as a trace.

    :param now: seconds since the epoch
    """
    facts = list(attempt.facts)
    case = Case(attempt.machine.mac, facts, (), attempt.outcome, now)
    outcome = outcome_of(case)
    causes = diagnose(case) if outcome not in _WELL else ()
    steps, last = [], facts[0].at
    for fact in facts:
        began = fact.at - fact.seconds if isinstance(fact, (LoaderSent, KernelSent, InitrdSent, FileSent)) else last
        steps.append(Step(_name(fact), min(began, fact.at), fact.at))
        last = fact.at
    machine = attempt.told or attempt.machine
    return Trace(
        mac=machine.mac,
        architecture=str(machine.architecture or ""),
        outcome=outcome,
        cause=str(causes[0].cause) if causes else "",
        began=min(step.began for step in steps),
        ended=max(step.ended for step in steps),
        steps=tuple(steps),
    )


def _name(fact: Fact) -> str:
    return fact.step if isinstance(fact, Logged) and fact.step else fact.kind


class Traces:
    """All machines' attempts that have not been sent yet.

    :param attempts: has heard of each fact before
    :param counts: how many were sent, and how many lost, is counted here
    :param clock: seconds, monotonic
    :param wall: seconds since the epoch
    """

    def __init__(
        self,
        attempts: Attempts,
        send: Send,
        counts: Counter[str],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._attempts, self._send, self._counts = attempts, send, counts
        self._clock, self._wall = clock, wall
        self._pending: OrderedDict[str, Attempt] = OrderedDict()
        self._done: OrderedDict[str, None] = OrderedDict()
        """Attempts that were sent: what their machines do later is in no trace."""

    def hear(self, fact: Fact, sentence: str = "") -> None:
        """A machine has something new."""
        attempt = self._attempts.latest(fact.mac) if fact.mac is not None else None
        if attempt is None or attempt.id in self._pending or attempt.id in self._done:
            return
        self._pending[attempt.id] = attempt
        if len(self._pending) > PENDING:
            self._pending.popitem(last=False)
            self._counts["lost"] += 1

    def flush(self, between: Callable[[], object] = lambda: None, everything: bool = False) -> None:
        """Send the attempts that are over; at the end, a number of the others too.

        :param between: called after each attempt and before each message
        """
        due = [attempt for attempt in self._pending.values() if everything or self._is_over(attempt)]
        if everything:
            due = due[-_AT_THE_END:]
        while due:
            batch, due = due[:_AT_ONCE], due[_AT_ONCE:]
            traces = []
            for attempt in batch:
                self._pending.pop(attempt.id, None)
                self._done[attempt.id] = None
                if attempt.facts:
                    traces.append(trace_of(attempt, self._wall()))
                between()
            while len(self._done) > PENDING:
                self._done.popitem(last=False)
            if traces:
                self._counts["sent" if self._send(traces) else "lost"] += len(traces)
            between()

    def _is_over(self, attempt: Attempt) -> bool:
        if self._attempts.latest(attempt.machine.mac) is not attempt:
            return True
        started = attempt.outcome in (Outcome.BOOTED, Outcome.BOOTING)
        return self._clock() - attempt.heard > (STARTED_SECONDS if started else SILENCE_SECONDS)

"""Calls under way: each in a thread of its own, so that a caller never waits longer than its own client would.

A caller that asks the same thing meanwhile joins the call. An outcome that came after all callers left is kept for a
short time and serves the next caller, once; beyond that nothing is remembered, because a stale answer could reinstall a
machine. Knows nothing about HTTP. In the pixiecore process threads are greenlets.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pixiecore_core import Machine

Outcome = TypeVar("Outcome")

MOST = 500
"""Calls under way at once."""
LATE_KEPT_SECONDS = 30.0
"""EDK2 asks again after 4, 8 and 16 s, and a held iPXE after a few."""


@dataclass(slots=True, eq=False)
class _Call(Generic[Outcome]):
    waiting: int = 0
    outcome: Outcome | None = None
    done: threading.Event = field(default_factory=threading.Event)


class Calls(Generic[Outcome]):
    """Runs calls and hands out their outcomes.

    :param ask: makes a call; must not raise
    :param worth_keeping: whether an outcome that came late should serve the next caller
    """

    def __init__(self, ask: Callable[[Machine], Outcome], worth_keeping: Callable[[Outcome], bool]) -> None:
        self._ask = ask
        self._worth_keeping = worth_keeping
        self._lock = threading.Lock()
        # By all that is known of a machine: one that says another serial number asks another question.
        self._running: dict[Machine, _Call[Outcome]] = {}
        self._late: OrderedDict[Machine, tuple[float, Outcome]] = OrderedDict()

    def outcome(self, machine: Machine, patience: float) -> Outcome | None:
        """The outcome of the call for *machine*; ``None`` if there is none within *patience* seconds."""
        with self._lock:
            kept_until, late = self._late.pop(machine, (0.0, None))
            if late is not None and time.monotonic() < kept_until:
                return late
            call = self._running.get(machine)
            if call is None:
                if len(self._running) >= MOST:
                    return None
                call = self._start(machine)
            call.waiting += 1
        try:
            call.done.wait(patience)
        finally:
            # Even where the core ends the hook, by raising its time-out in this greenlet.
            with self._lock:
                call.waiting -= 1
        return call.outcome

    def _start(self, machine: Machine) -> _Call[Outcome]:
        call = self._running[machine] = _Call()
        thread = threading.Thread(
            target=self._run, args=(machine, call), name=f"API call for {machine.mac}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            # No more threads: this caller waits in vain, and the next one tries again.
            del self._running[machine]
        return call

    def _run(self, machine: Machine, call: _Call[Outcome]) -> None:
        try:
            call.outcome = self._ask(machine)
        finally:
            # Whatever happens: the next caller must not find a call that never ends.
            with self._lock:
                del self._running[machine]
                if not call.waiting and call.outcome is not None and self._worth_keeping(call.outcome):
                    self._keep(machine, call.outcome)
            call.done.set()

    def _keep(self, machine: Machine, outcome: Outcome) -> None:
        self._late[machine] = (time.monotonic() + LATE_KEPT_SECONDS, outcome)
        if len(self._late) > MOST:
            self._late.popitem(last=False)

"""A thread that does one storage's work with the disk, batch by batch, so that the event loop never does.

It lives while there is something to do: what comes in meanwhile makes the next batch, which then shares one write.
Knows nothing of what the work is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from pixiecore_core.errors import StateError
from pixiecore_core.state.native import new_lock, sleep, start_thread
from pixiecore_core.state.pending import Pending

PATIENCE = 1.5
"""Seconds to wait for another process that holds the file: less than a hook or a listener may take."""
MOST_WAITING = 100_000
"""Jobs that may wait for the disk; more are refused."""
_PAUSE = 0.01
"""Seconds between two tries."""


@dataclass(slots=True)
class Job:
    """One thing to do, and where its result goes."""

    pending: Pending[Any] = field(default_factory=Pending)
    give_up: float = field(default_factory=lambda: monotonic() + PATIENCE)
    """When another process has held the file for too long, on the monotonic clock."""


class Worker:
    """Runs jobs in order.

    :param run: does what it can of a batch and settles it; returns what must be tried again in a moment
    """

    def __init__(self, run: Callable[[Sequence[Job]], list[Job]]) -> None:
        self._run = run
        self._lock = new_lock()
        self._jobs: list[Job] = []
        self._working = False

    def submit(self, job: Job) -> None:
        """Have it done. Never waits.

        :raises StateError: too much is waiting already
        """
        with self._lock:
            if len(self._jobs) >= MOST_WAITING:
                raise StateError(f"the disk is too slow: {MOST_WAITING:,} changes wait for it")
            self._jobs.append(job)
            if self._working:
                return
            self._working = True
        try:
            start_thread(self._work)
        except BaseException:
            self._working = False
            raise

    def _work(self) -> None:
        again: list[Job] = []
        while jobs := self._take(again):
            try:
                again = self._run(jobs)
            except BaseException as error:  # nothing may wait for ever
                again = []
                for job in jobs:
                    job.pending.settle(None, error)
            if again:
                sleep(_PAUSE)

    def _take(self, again: list[Job]) -> list[Job]:
        with self._lock:
            jobs, self._jobs = again + self._jobs, []
            self._working = bool(jobs)
            return jobs

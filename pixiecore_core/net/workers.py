"""Greenlets that outlive their task: does what a gevent Pool does, for tasks that mostly end at once.

CPython 3.11 maps a fresh stack for every new greenlet, 10 µs; to wake one that waits costs 1 µs. The price:
greenlet-local values that a task leaves behind are there for the next one, as with threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import gevent
from gevent.event import Event

_Task = tuple[Callable[..., object], tuple[Any, ...]]

_IDLE_KEPT = 64


class Workers:
    """Runs tasks, each in a greenlet that no other task uses meanwhile.

    :param most: tasks at once
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._idle: list[gevent.Greenlet[[_Task], None]] = []
        self._all: set[gevent.Greenlet[[_Task], None]] = set()
        self._loop = gevent.get_hub().loop
        self._quiet = Event()
        self._quiet.set()

    def full(self) -> bool:
        """Whether so many tasks are under way that no other may begin."""
        return len(self._all) - len(self._idle) >= self._most

    def spawn(self, function: Callable[..., object], *arguments: Any) -> None:
        """Run ``function(*arguments)`` when the caller next waits; what it raises is printed."""
        task = (function, arguments)
        self._quiet.clear()
        if self._idle:
            self._loop.run_callback(self._idle.pop().switch, task)
        else:
            self._all.add(gevent.spawn(self._work, task))

    def join(self, timeout: float) -> None:
        """Wait until no task is under way, or *timeout* seconds."""
        self._quiet.wait(timeout)

    def kill(self) -> None:
        """End every task that is under way, without waiting for it."""
        self._idle.clear()
        gevent.killall(list(self._all), block=False)

    def _work(self, task: _Task) -> None:
        worker = cast("gevent.Greenlet[[_Task], None]", gevent.getcurrent())
        hub = gevent.get_hub()
        try:
            while True:
                function, arguments = task
                try:
                    function(*arguments)
                except Exception as error:
                    hub.handle_error(worker, type(error), error, error.__traceback__)
                if len(self._idle) >= _IDLE_KEPT:
                    return
                del function, arguments, task  # else the last task's values would live until the next
                self._idle.append(worker)
                self._rest()
                task = hub.switch()
        finally:
            self._all.discard(worker)
            self._rest()

    def _rest(self) -> None:
        if len(self._all) == len(self._idle):
            self._quiet.set()

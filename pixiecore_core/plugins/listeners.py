"""Delivers facts to one plugin, in order, from a bounded queue in a greenlet of its own.

A slow listener loses the newest, which are counted, and never slows a boot. Its failures are reported with its name,
but never to plugins: a listener that fails on every fact would feed itself for ever.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent
from gevent.queue import Full, Queue

from pixiecore_core.errors import PluginError
from pixiecore_core.models import Fact

QUEUE_LENGTH = 1000
Report = Callable[[PluginError, str | None], None]


class Listener:
    """One plugin's ``on_event``."""

    def __init__(self, plugin: str, function: Callable[[Fact, str], object], report: Report) -> None:
        self.plugin, self.lost = plugin, 0
        self._function, self._report = function, report
        self._queue: Queue[tuple[Fact, str]] = Queue(maxsize=QUEUE_LENGTH)
        self._greenlet = gevent.spawn(self._deliver)

    def put(self, fact: Fact, sentence: str) -> None:
        """Queue a fact, or count it as lost."""
        try:
            self._queue.put_nowait((fact, sentence))
        except Full:
            self.lost += 1
            if self.lost == 1:
                self._report(PluginError(self.plugin, "on_event", "is too slow and loses events"), None)

    def stop(self) -> None:
        """Stop delivering; what is still queued is dropped, and failures of what is under way are not reported."""
        self._report = lambda error, mac: None
        self._greenlet.kill(block=False)

    def _deliver(self) -> None:
        while True:
            try:
                self._function(*self._queue.get())
            except PluginError as error:
                self._report(error, None)

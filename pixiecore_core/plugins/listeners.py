"""Delivers facts to one plugin, in order, from a bounded queue in a greenlet of its own.

A slow listener loses the newest, which are counted, and never slows a boot; but not what a policy's state depends on.
Its failures are reported with its name, but never to plugins: a listener that fails on every fact would feed itself
for ever.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import gevent
import pluggy
from gevent.queue import Full, Queue

from pixiecore_core.errors import PluginError
from pixiecore_core.models import Fact
from pixiecore_core.models.facts import Booting, ScriptSent

QUEUE_LENGTH = 1000
LASTING: tuple[type[Fact], ...] = (ScriptSent, Booting)
"""What a machine's state follows from: a boot that was lost would be done again. Once for each machine is enough."""
MOST_LASTING = 20_000
Report = Callable[[PluginError, str | None], None]
_Heard = tuple[Fact, str]


class Listener:
    """One plugin's ``on_event``."""

    def __init__(self, plugin: str, function: Callable[[Fact, str], object], report: Report) -> None:
        self.plugin, self.lost = plugin, 0
        self._function, self._report = function, report
        self._queue: Queue[_Heard] = Queue(maxsize=QUEUE_LENGTH)
        # For when the queue is full: after what is in it, by kind and machine.
        self._lasting: OrderedDict[tuple[type[Fact], str | None], _Heard] = OrderedDict()
        self._greenlet = gevent.spawn(self._deliver)

    def put(self, fact: Fact, sentence: str) -> None:
        """Queue a fact, or count it as lost."""
        if not self._lasting:
            try:
                self._queue.put_nowait((fact, sentence))
                return
            except Full:
                pass
        if isinstance(fact, LASTING) and len(self._lasting) < MOST_LASTING:
            self._lasting[type(fact), fact.mac] = fact, sentence
            return
        self.lost += 1
        if self.lost == 1:
            self._report(PluginError(self.plugin, "on_event", "is too slow and loses events"), None)

    def finish(self, seconds: float) -> None:
        """Deliver what is queued, for so long at most."""
        with gevent.Timeout(seconds, False):  # type: ignore[arg-type]
            while not self._queue.empty() or self._lasting:
                gevent.sleep(0.005)

    def stop(self) -> None:
        """Stop delivering; what is still queued is dropped, and failures of what is under way are not reported."""
        self._report = lambda error, mac: None
        self._greenlet.kill(block=False)

    def _deliver(self) -> None:
        while True:
            queued = not self._lasting or not self._queue.empty()
            try:
                self._function(*(self._queue.get() if queued else self._lasting.popitem(last=False)[1]))
            except PluginError as error:
                self._report(error, None)


def hearing(implementation: pluggy.HookImpl) -> Callable[[Fact, str], object]:
    """Calls an ``on_event`` with what it takes of a fact and its sentence."""

    def hear(fact: Fact, sentence: str) -> object:
        known = {"fact": fact, "sentence": sentence}
        return implementation.function(*(known[name] for name in implementation.argnames))

    return hear

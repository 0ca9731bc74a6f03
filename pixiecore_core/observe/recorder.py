"""The one place that facts are reported to: writes the log line, the timeline and the counts, and tells the plugins.

Keeps a hostile sender from drowning the log: refusals that belong to nobody in particular are rationed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from pixiecore_core.errors import PluginError
from pixiecore_core.models import Event, EventKind
from pixiecore_core.observe.log import log_event
from pixiecore_core.observe.metrics import Metrics
from pixiecore_core.observe.timelines import Timelines

REFUSALS_PER_SECOND = 20


class Recorder:
    """Takes events and spreads them.

    :param logger: where lines go
    :param clock: seconds, monotonic; an argument for tests
    """

    def __init__(
        self, logger: structlog.typing.FilteringBoundLogger, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.logger = logger
        self.metrics = Metrics()
        self.timelines = Timelines()
        self.publish: Callable[[Event], None] = lambda event: None
        """Hands an event to the plugins; set once they are loaded."""
        self._clock = clock
        self._failed: set[tuple[str, str]] = set()
        self._second = 0
        self._refusals = 0

    def record(self, event: Event) -> None:
        """Report *event* everywhere."""
        self._keep(event)
        if event.kind is not EventKind.REFUSED or self._may_log_refusal():
            log_event(self.logger, event)
        if event.subsystem != "Plugin":
            # A plugin that fails on every event must not be fed its own failures.
            self.publish(event)

    def plugin_failed(self, error: PluginError, mac: str | None) -> None:
        """Report a plugin's failure, with the boot that it spoilt.

        Logged once for each plugin and hook, for a room of machines would fill the log with it; counted, and kept in
        the machine's timeline, each time.
        """
        event = Event(
            kind=EventKind.PLUGIN_FAILED,
            subsystem="Plugin",
            message=str(error),
            mac=mac,
            details={"plugin": error.plugin, "hook": error.hook, "reason": error.reason},
        )
        self._keep(event)
        self.metrics.plugin_failed(error.plugin, error.hook)
        if (error.plugin, error.hook) not in self._failed:
            self._failed.add((error.plugin, error.hook))
            log_event(self.logger, event)
        else:
            self.logger.debug(event.message, subsystem="Plugin")

    def _keep(self, event: Event) -> None:
        self.metrics.count(event)
        self.timelines.add(event)

    def ignored_traffic(self, subsystem: str, message: str) -> None:
        """Say at debug level what was ignored; ordinary traffic, so neither kept nor published."""
        self.logger.debug(message, subsystem=subsystem)

    def _may_log_refusal(self) -> bool:
        second = int(self._clock())
        if second != self._second:
            suppressed = self._refusals - REFUSALS_PER_SECOND
            self._second, self._refusals = second, 0
            if suppressed > 0:
                self.logger.warning(f"{suppressed} more unusable requests were not logged", subsystem="Init")
        self._refusals += 1
        return self._refusals <= REFUSALS_PER_SECOND

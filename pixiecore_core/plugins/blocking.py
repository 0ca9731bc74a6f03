"""Names the plugin that stops everybody: watches for an event loop that does not turn.

A plugin that computes for seconds, or waits inside C code, holds up every machine, and no time limit can interrupt it.
gevent's monitor thread sees it. Only reports: the call cannot be ended from here.
"""

from __future__ import annotations

import warnings

import gevent
from gevent.events import EventLoopBlocked, subscribers

from pixiecore_core.errors import PluginError
from pixiecore_core.plugins.blame import running
from pixiecore_core.plugins.manager import Report

MAX_BLOCKING_SECONDS = 1.0
"""iPXE waits about 2 s for an offer; a loop that stands still this long has cost somebody half of it."""


def watch(report: Report) -> None:
    """Report every plugin that blocks the loop for over :data:`MAX_BLOCKING_SECONDS`, until the process ends."""
    hub = gevent.get_hub()

    def blocked(event: object) -> None:
        # Called in the monitor's own thread, while the loop is still stuck.
        if not isinstance(event, EventLoopBlocked):
            return
        plugin, hook = running.get(id(event.greenlet), ("core", "none"))
        error = PluginError(plugin, hook, f"blocked the event loop for over {event.blocking_time:.1f} s")
        hub.loop.run_callback_threadsafe(report, error, None)

    gevent.config.monitor_thread = True
    gevent.config.print_blocking_reports = False
    gevent.config.max_blocking_time = MAX_BLOCKING_SECONDS
    subscribers.append(blocked)
    with warnings.catch_warnings():
        # Without psutil it cannot watch the memory, which nobody asked it to.
        warnings.simplefilter("ignore", RuntimeWarning)
        hub.start_periodic_monitoring_thread()

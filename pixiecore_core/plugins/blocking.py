"""Names the plugin that stops everybody: watches for an event loop that does not turn.

A plugin that computes for seconds, or waits inside C code, holds up every machine, and no time limit can interrupt it.
gevent's monitor thread sees it and says so by itself, since the loop may never turn again. Only reports: the call
cannot be ended from here.
"""

from __future__ import annotations

import fcntl
import os
import select
import sys
import time
import warnings
from dataclasses import dataclass
from functools import partial

import gevent
from gevent import monkey
from gevent.events import EventLoopBlocked, subscribers

from pixiecore_core.errors import PluginError
from pixiecore_core.plugins.blame import running
from pixiecore_core.plugins.manager import Report

MAX_BLOCKING_SECONDS = 1.0
"""iPXE waits about 2 s for an offer; a loop that stands still this long has cost somebody half of it."""

_NOBODY = ("unknown", "none")
"""Outside of every hook: a greenlet that some plugin has begun by itself, perhaps."""
_stderr = [2]
"""The descriptor that :func:`say` writes to comes last."""
_poll = monkey.get_original("select", "poll")


@dataclass(slots=True)
class _Block:
    """One time that a greenlet has not let go of the loop."""

    since: float
    who: tuple[str, str] | None = None
    """Plugin and hook, once it has lasted long enough to be told."""


class Watch:
    """What blocks the loop at the moment, seen from other threads.

    :param report: told of each block, once the loop turns again
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._hub = gevent.get_hub()
        self._blocks: dict[int, _Block] = {}

    def culprit(self) -> str | None:
        """Who blocks the loop, as ``plugin 'x', hook y``; ``None`` where nobody is known to."""
        blocks = list(self._blocks.values())
        return next(("plugin {!r}, hook {}".format(*block.who) for block in blocks if block.who), None)

    def blocked(self, event: object) -> None:
        """What the monitor calls in its own thread, again and again during a block."""
        if not isinstance(event, EventLoopBlocked):
            return
        greenlet = id(event.greenlet)
        block = self._blocks.get(greenlet)
        if block is None:
            self._blocks[greenlet] = _Block(time.monotonic() - event.blocking_time)
            self._hub.loop.run_callback_threadsafe(partial(self._turned, greenlet))
        elif block.who is None:
            plugin, hook = block.who = running.get(greenlet, _NOBODY)
            frame = sys._current_frames().get(self._hub.thread_ident)
            place = f", in {frame.f_code.co_filename} line {frame.f_lineno}" if frame is not None else ""
            say(f"plugin {plugin!r}, hook {hook}: blocks the event loop, and with it every machine{place}")

    def _turned(self, greenlet: int) -> None:
        block = self._blocks.pop(greenlet)
        if block.who is not None:
            seconds = time.monotonic() - block.since
            self._report(PluginError(*block.who, f"blocked the event loop for over {seconds:.1f} s"), None)


def watch(report: Report) -> Watch:
    """Report every plugin that blocks the loop for over :data:`MAX_BLOCKING_SECONDS`, until the process ends."""
    watching = Watch(report)
    gevent.config.monitor_thread = True
    gevent.config.print_blocking_reports = False
    # The monitor notices a block at its second look after it began, and at the third that it has lasted long enough.
    gevent.config.max_blocking_time = MAX_BLOCKING_SECONDS / 3
    subscribers.append(watching.blocked)
    with warnings.catch_warnings():
        # Without psutil it cannot watch the memory, which nobody asked it to.
        warnings.simplefilter("ignore", RuntimeWarning)
        gevent.get_hub().start_periodic_monitoring_thread()
    return watching


def keep_stderr() -> None:
    """Have :func:`say` write to a descriptor of its own: a plugin may close 2, which is a machine's connection next."""
    try:
        _stderr.append(fcntl.fcntl(2, fcntl.F_DUPFD_CLOEXEC, 3))
    except OSError:
        return  # there is none


def say(text: str, level: str = "error") -> None:
    """Write a line to standard error from any thread, past the loop; or nothing, where that would have to wait."""
    poll = _poll()
    poll.register(_stderr[-1], select.POLLOUT)
    if any(ready & select.POLLOUT for _, ready in poll.poll(0)):
        # At most what even a pipe takes at once.
        line = f"[Plugin] {level}: {text}\n".encode(errors="backslashreplace")[-select.PIPE_BUF :]
        try:
            os.write(_stderr[-1], line)
        except OSError:
            return

"""Names the plugin that stops everything: one that never returns while it is loaded, or blocks the event loop.

No time limit can interrupt what computes for seconds or waits inside C code. A thread of the operating system sees
it and says so by itself, since the loop may never turn again. Only reports: nothing can be ended from here.
"""

from __future__ import annotations

import os
import select
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import gevent
from gevent import monkey
from gevent.events import EventLoopBlocked, subscribers

from pixiecore_core.errors import PluginError
from pixiecore_core.plugins.blame import running

MAX_BLOCKING_SECONDS = 1.0
"""iPXE waits about 2 s for an offer; a loop that stands still this long has cost some machine half of that."""
LOADING_SECONDS = 5.0
"""A plugin that takes longer to load is reported, once; a slow import from a network disk is not a mistake yet."""
_STDERR = 2
_poll = monkey.get_original("select", "poll")
_start_thread = monkey.get_original("_thread", "start_new_thread")
_new_lock = monkey.get_original("_thread", "allocate_lock")


class Watch:
    """What blocks the loop at the moment, seen from other threads.

    :param report: told of each block, once the loop turns again
    """

    def __init__(self, report: Callable[[PluginError, str | None], None]) -> None:
        self._report = report
        self._hub = gevent.get_hub()
        self._who: tuple[str, str] | None = None

    def culprit(self) -> str | None:
        """What blocks the loop, as ``plugin 'x', hook y``; ``None`` where no plugin is known to."""
        return "plugin {!r}, hook {}".format(*self._who) if self._who else None

    def blocked(self, event: object) -> None:
        """What the monitor calls in its own thread, again and again during a block."""
        if isinstance(event, EventLoopBlocked) and self._who is None:
            # Outside of every hook: perhaps a greenlet that some plugin started itself.
            self._who = running.get(id(event.greenlet), ("unknown", "none"))
            frame = sys._current_frames().get(self._hub.thread_ident)
            place = f", in {frame.f_code.co_filename} line {frame.f_lineno}" if frame is not None else ""
            say(f"{self.culprit()}: blocks the event loop, and with it every machine{place}")
            began = time.monotonic() - event.blocking_time
            self._hub.loop.run_callback_threadsafe(partial(self._turned, self._who, began))

    def _turned(self, who: tuple[str, str], began: float) -> None:
        self._who = None
        self._report(PluginError(*who, f"blocked the event loop for over {time.monotonic() - began:.1f} s"), None)


def watch(report: Callable[[PluginError, str | None], None]) -> Watch:
    """Report every plugin that blocks the loop for over :data:`MAX_BLOCKING_SECONDS`, until the process ends."""
    watching = Watch(report)
    gevent.config.monitor_thread = True
    gevent.config.print_blocking_reports = False
    gevent.config.max_blocking_time = MAX_BLOCKING_SECONDS / 2  # it is noticed at the monitor's second look
    subscribers.append(watching.blocked)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # without psutil it cannot watch the memory
        gevent.get_hub().start_periodic_monitoring_thread()
    return watching


@contextmanager
def loading(plugin: str = "", step: str = "") -> Iterator[None]:
    """While inside, a plugin is loaded: imported, registered, constructed.

    :param plugin: its name; unknown where a hook of several plugins is called, each of which then says which it is
    :param step: what it is at
    """
    done, greenlet = _new_lock(), id(gevent.getcurrent())
    done.acquire()

    def tell() -> None:
        if not done.acquire(timeout=LOADING_SECONDS):
            name, what = (plugin, step) if plugin else running.get(greenlet, ("unknown", "a hook"))
            say(f"plugin {name!r} is still being loaded ({what})", "warning")

    _start_thread(tell, ())
    try:
        yield
    finally:
        done.release()


def say(text: str, level: str = "error") -> None:
    """Write a line to standard error from any thread, past the loop; or nothing, where that would have to wait."""
    poll = _poll()
    poll.register(_STDERR, select.POLLOUT)
    if any(ready & select.POLLOUT for _, ready in poll.poll(0)):
        # At most what even a pipe takes at once.
        os.write(_STDERR, f"[Plugin] {level}: {text}\n".encode(errors="backslashreplace")[-select.PIPE_BUF :])

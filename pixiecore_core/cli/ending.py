"""Ends the process after a server has stopped in order, whatever threads plugins have left behind.

Python waits for every thread that is not a daemon, and for what is queued in a ThreadPoolExecutor, for ever if need be.
And it takes itself apart under those that are daemons: Debian 12's Python 3.11.2 has now and then ended in a
segmentation fault there, so that systemd spoke of a failure. Commands that do not serve end as Python ends.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import threading
from typing import NoReturn

from gevent import monkey

from pixiecore_core.plugins.watching import say

GRACE = 2.0
"""Seconds for the threads of others, once the server has stopped."""

_served = threading.Event()
_ended_with: list[int] = []
_start_thread = monkey.get_original("_thread", "start_new_thread")
_sleep = monkey.get_original("time", "sleep")


def note_serving() -> None:
    """From now on, :func:`end` waits for nobody for long."""
    _served.set()


def end(status: int) -> NoReturn:
    """End the process with this exit status."""
    if _served.is_set():
        names = sorted(thread.name for thread in _left_behind())
        _start_thread(_end_soon, (status, names))
        _ended_with.append(status)
    sys.exit(status)


@atexit.register  # while this is imported, before any plugin: the last to be called is the first that was registered
def _leave() -> None:
    """After all threads and all functions of plugins, leave Python as it is."""
    if _ended_with:
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):  # gone, closed, or never there
                stream.flush()
        os._exit(_ended_with[0])


def _left_behind() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]


def _end_soon(status: int, names: list[str]) -> None:
    """In a thread of the operating system, for the event loop may have ended or be stuck."""
    _sleep(GRACE)
    # An executor's idle threads end by themselves, and then so has the process.
    what = (
        f"threads that plugins have begun and not ended: {', '.join(names)}" if names else "a plugin's atexit perhaps"
    )
    say(f"the server has stopped, and the process is ended without waiting for {what}", "warning")
    os._exit(status)

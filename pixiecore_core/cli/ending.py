"""Ends the process after a server has stopped in order, whatever threads plugins have left behind.

Python waits for every thread that is not a daemon, and for what is queued in a ThreadPoolExecutor, for ever if need be.
Commands that do not serve end as Python ends.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import NoReturn

from gevent import monkey

from pixiecore_core.plugins.watching import say

GRACE = 2.0
"""Seconds for the threads of others, once the server has stopped."""

_served = threading.Event()
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
    sys.exit(status)


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

"""Watches a plugin while it is loaded: says which one does not come back, and puts back the signals that it took.

Its import, what it registers and its constructors run before there is a server, a log or a time limit. Nothing here can
interrupt them: a plugin that waits inside of C code can only be named.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import gevent
from gevent import monkey

from pixiecore_core.plugins.blame import running
from pixiecore_core.plugins.blocking import say

LOADING_SECONDS = 5.0
"""What takes longer is told, once; a slow import from a network disk is no mistake yet."""

KEPT = (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What the server lives by: a client that goes away would end it by SIGPIPE, were it not ignored as Python has it."""

took_signals: list[str] = []
"""What is to be told of signals that were put back, once there is a log."""

_start_thread = monkey.get_original("_thread", "start_new_thread")
_new_lock = monkey.get_original("_thread", "allocate_lock")


@contextmanager
def loading(plugin: str = "", step: str = "") -> Iterator[None]:
    """While inside, a plugin is loaded.

    :param plugin: its name; not known where the hook of several plugins is called, each of which says who it is
    :param step: what it is at
    """
    done = _new_lock()
    done.acquire()
    greenlet = id(gevent.getcurrent())

    def tell() -> None:
        if done.acquire(timeout=LOADING_SECONDS):
            return
        name, what = (plugin, step) if plugin else running.get(greenlet, ("unknown", "a hook"))
        say(f"plugin {name!r} is still being loaded ({what})", "warning")

    _start_thread(tell, ())
    before = handlers()
    try:
        yield
    finally:
        done.release()
        changed = put_back(before)
        if changed:
            who = f"Plugin {plugin!r}, {step}:" if plugin else "A plugin, while it was loaded:"
            took_signals.append(f"{who} changed how {in_names(changed)} is handled; that is put back")


def handlers() -> dict[signal.Signals, Any]:
    """What is done at each of the signals that we need."""
    return {number: signal.getsignal(number) for number in KEPT}


def put_back(before: Mapping[signal.Signals, Any]) -> list[signal.Signals]:
    """Have the signals handled as *before* again.

    :returns: those that were not
    """
    changed = [number for number, handler in before.items() if signal.getsignal(number) != handler]
    for number in changed:
        # None is a handler that Python did not install, and cannot install again.
        signal.signal(number, signal.SIG_DFL if before[number] is None else before[number])
    return changed


def in_names(signals: list[signal.Signals]) -> str:
    """The signals' names, for a message."""
    return " and ".join(number.name for number in signals)

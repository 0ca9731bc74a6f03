"""Ends the server on SIGINT and SIGTERM: asks the event loop to stop, and ends the process if it does not. Reloads on
SIGHUP.

A plugin that blocks the loop also blocks everything that could stop it from inside, so a thread of the operating system
listens. Decides nothing about how a server stops.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
from gevent import monkey

from pixiecore_core.plugins.watching import say

PATIENCE = 1.8
"""Seconds that a stop may take; with what is left, all of it stays under two."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_new_lock = monkey.get_original("_thread", "allocate_lock")
_read = monkey.get_original("os", "read")
_start_thread = monkey.get_original("_thread", "start_new_thread")


@contextmanager
def stopping(stop: Callable[[], None], culprit: Callable[[], str | None]) -> Iterator[None]:
    """While inside, a signal calls *stop* in the event loop; the process ends if it is still inside a little later.

    :param culprit: says who blocks the loop, from any thread
    """
    loop = gevent.get_hub().loop
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    stopped = _new_lock()
    stopped.acquire()

    def listen() -> None:
        while (numbers := _read(reading, 64)) and not set(numbers) & set(_SIGNALS):
            pass
        if numbers:
            loop.run_callback_threadsafe(stop)
            if not stopped.acquire(timeout=PATIENCE):
                who = culprit()
                why = f"{who}: blocks the event loop" if who else "something takes longer to stop"
                say(f"ended without stopping in order: {why}")
                os._exit(1)
        os.close(reading)

    _start_thread(listen, ())
    # Python writes the number of each signal to the pipe, from its C handler, if there is a handler in Python too.
    before = {number: signal.signal(number, lambda number, frame: None) for number in _SIGNALS}
    wakeup_before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        stopped.release()
        os.close(writing)


class Hangups:
    """Who a SIGHUP comes from: a terminal that has gone, which ends the server, or somebody who wants it to reload."""

    def __init__(self) -> None:
        # nohup has it ignored: who starts us that way wants to close the terminal.
        self._terminal_counts = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _has_terminal()
        self.early = False
        """Whether one came before there was a server to tell of it."""

    def is_the_end(self) -> bool:
        """Whether the terminal that we had has gone."""
        return self._terminal_counts and not _has_terminal()


@contextmanager
def starting() -> Iterator[Hangups]:
    """While inside, SIGHUP ends nothing: a service manager may send one before the server is ready for it. What needs
    to be read again has not been read yet.
    """
    hangups = Hangups()

    def note(number: int, frame: object) -> None:
        hangups.early = True

    before = signal.signal(signal.SIGHUP, note)
    try:
        yield hangups
    finally:
        # None is a handler that Python did not install, and cannot install again.
        signal.signal(signal.SIGHUP, signal.SIG_DFL if before is None else before)


@contextmanager
def reloading(hangups: Hangups, reload: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    """While inside, SIGHUP calls *reload*; where it says that the terminal has gone, *stop*, as ever."""
    before = signal.getsignal(signal.SIGHUP)
    watcher = gevent.signal_handler(signal.SIGHUP, lambda: stop() if hangups.is_the_end() else reload())
    if hangups.early and hangups.is_the_end():
        stop()
    try:
        yield
    finally:
        watcher.cancel()
        # The watcher is libev's, which leaves the default behind; None is a handler that Python did not install.
        signal.signal(signal.SIGHUP, signal.SIG_DFL if before is None else before)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True

"""Real threads and locks, whatever gevent has patched: a patched one would be the event loop again.

Imports gevent only when it is first used: a program that imports a name of the package may be about to patch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def _original(module: str, name: str) -> Callable[..., Any]:
    from gevent.monkey import get_original

    function: Callable[..., Any] = get_original(module, name)
    return function


def new_lock() -> Any:
    """A lock to be held for moments only: nothing else runs in a thread that waits for it."""
    return _original("_thread", "allocate_lock")()


def start_thread(function: Callable[[], None]) -> None:
    """Run *function* on a thread that does not keep the process alive.

    :raises RuntimeError: no more threads can be started
    """
    _original("_thread", "start_new_thread")(function, ())


def sleep(seconds: float) -> None:
    """Stop this thread, and no other."""
    _original("time", "sleep")(seconds)

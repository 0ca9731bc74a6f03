"""A result that the disk thread gives and that greenlets wait for.

Works from every thread, patched by gevent or not, with a running server or without. Decides nothing, and does no I/O.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar, cast

from pixiecore_core.state.native import new_lock

T = TypeVar("T")


class Pending(Generic[T]):
    """What was asked of the disk, whether it is there yet or not."""

    def __init__(self) -> None:
        self._lock = new_lock()  # held for moments, so that it never stops the loop
        self._watchers: list[Any] = []
        self._done = False
        self._result: T | None = None
        self._error: BaseException | None = None

    @property
    def done(self) -> bool:
        """Whether :meth:`wait` would return or raise at once."""
        return self._done

    def wait(self) -> T:
        """The result; waits for it while other greenlets go on. Giving up waiting does not take back a change.

        :raises StateError: the record cannot be read or written
        """
        if not self._done:
            self._sleep()
        if self._error is not None:
            raise self._error
        return cast("T", self._result)

    def settle(self, result: T | None, error: BaseException | None = None) -> None:
        """Give the result, once, and wake up everyone who waits. For the disk thread."""
        with self._lock:
            if self._done:
                return
            self._result, self._error, self._done = result, error, True
            for watcher in self._watchers:
                watcher.send()

    def _sleep(self) -> None:
        from gevent import get_hub  # not before the program may have patched
        from gevent.hub import Waiter

        hub = get_hub()
        waiter: Waiter[None] = Waiter(hub)
        watcher = hub.loop.async_()
        # Started before the thread hears of it: libev forgets what is sent to a watcher that does not run yet.
        watcher.start(waiter.switch, None)
        try:
            with self._lock:
                if self._done:
                    return
                self._watchers.append(watcher)
            waiter.get()
        finally:
            with self._lock:
                if watcher in self._watchers:
                    self._watchers.remove(watcher)
                watcher.stop()
                watcher.close()

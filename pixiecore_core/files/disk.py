"""Reads open files without stopping the event loop: what the page cache has at once, anything else on a thread.

Only descriptors and bytes; what file it is, and whether it may be read, is up to the callers. Linux.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast
from weakref import WeakKeyDictionary

import gevent
from gevent.hub import Hub
from gevent.socket import wait_write
from gevent.threadpool import ThreadPool

P = ParamSpec("P")
R = TypeVar("R")

_THREADS = 8
_READ_AHEAD = 128 << 10
"""Bytes that Linux reads ahead of a sequential reader by default (bdi read_ahead_kb)."""
_pools: WeakKeyDictionary[Hub, ThreadPool] = WeakKeyDictionary()


class DiskFile:
    """An open regular file.

    :param descriptor: closed by :meth:`close`
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def read(self, offset: int, length: int) -> bytes:
        """*length* bytes from *offset*, or fewer where the file ends.

        :raises OSError: the disk failed
        """
        target = memoryview(bytearray(length))
        count = self._cached(target, offset)
        if count < length:
            count += on_disk_thread(_read_fully, self.descriptor, target[count:], offset + count)
        return bytes(target[:count])

    def send_to(
        self,
        connection: int,
        offset: int,
        length: int,
        patience: float,
        check: Callable[[int, bool], None] = lambda end, complete: None,
    ) -> int:
        """Send *length* bytes from *offset* to a non-blocking socket, out of the page cache and without a copy.

        :param connection: the socket's file descriptor
        :param patience: seconds that the other side may take to read anything
        :param check: called with the end of what is about to be sent and ``True``, and afterwards with the end of what
            was sent and whether that was anything at all; may raise
        :returns: bytes sent; fewer only where the file ends
        :raises OSError: the disk failed (EIO), the connection is lost, or the other side does not read
        """
        self._fetch_from_disk(offset, length)
        sent = 0
        waited = False
        while sent < length:
            check(offset + length, True)
            try:
                count = os.sendfile(connection, self.descriptor, offset + sent, length - sent)
            except BlockingIOError:
                wait_write(connection, timeout=patience)
                waited = True
                continue
            check(offset + sent + count, count > 0)
            if not count:
                break
            sent += count
        if not waited:
            # A client that reads as fast as we send never makes us wait: yield to the others anyway.
            gevent.sleep(0)
        return sent

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)

    def _fetch_from_disk(self, offset: int, length: int) -> None:
        """Bring a stretch into the page cache, so that sendfile does not wait for the disk in the event loop.

        Only one byte in so many is looked for: the kernel reads ahead further than that.
        """
        probe = memoryview(bytearray(1))
        places = (*range(offset, offset + length, _READ_AHEAD), offset + length - 1)
        if not all(self._cached(probe, place) for place in places):
            on_disk_thread(_read_fully, self.descriptor, memoryview(bytearray(length)), offset)

    def _cached(self, target: memoryview, offset: int) -> int:
        """Read what is in the page cache; how many bytes that gave."""
        try:
            return os.preadv(self.descriptor, [target], offset, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EOPNOTSUPP):
                return 0
            raise


def on_disk_thread(function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
    """What *function* returns or raises, run on a thread while other greenlets go on.

    A few threads for each hub, apart from the hub's own: those resolve names.
    """
    hub = gevent.get_hub()
    pool = _pools.get(hub)
    if pool is None:
        pool = _pools[hub] = ThreadPool(_THREADS, hub=hub)
    # Raised on the thread, an error would be printed by the pool as if it were unexpected.
    result, error = pool.apply(_outcome, (function, arguments, options))
    if error is not None:
        raise error
    return cast("R", result)


def _outcome(function: Callable[..., R], arguments: Any, options: Any) -> tuple[R | None, Exception | None]:
    try:
        return function(*arguments, **options), None
    except Exception as error:
        return None, error


def _read_fully(descriptor: int, target: memoryview, offset: int) -> int:
    filled = 0
    while filled < len(target) and (count := os.preadv(descriptor, [target[filled:]], offset + filled)):
        filled += count
    return filled

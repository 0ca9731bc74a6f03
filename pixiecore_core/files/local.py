"""Boot files on this host's disks.

A file is opened once for each transfer and read through that descriptor, so one that is replaced keeps its old bytes,
and one that is changed in place or cut short ends the transfer with an error and never with a mixed file. Page-cache
hits are read at once; anything else on a thread, since a disk must not stop the loop.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from weakref import WeakKeyDictionary

import gevent
from gevent.hub import Hub
from gevent.socket import wait_write
from gevent.threadpool import ThreadPool

from pixiecore_core.errors import BootFileError, BootFileNotFound
from pixiecore_core.models import BootFile

_DISK_THREADS = 4
_READ_AHEAD = 128 << 10
"""Bytes that Linux reads ahead of a sequential reader by default (bdi read_ahead_kb)."""
_pools: WeakKeyDictionary[Hub, ThreadPool] = WeakKeyDictionary()


class LocalFile:
    """A byte source over an open regular file."""

    def __init__(self, path: str, descriptor: int, status: os.stat_result) -> None:
        self._path = path
        self._descriptor = descriptor
        self._size = status.st_size
        self._changed = _version(status)

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to *length* bytes from *offset*.

        :raises BootFileError: the file was shortened, changed or cannot be read
        """
        buffer = bytearray(max(0, min(length, self._size - offset)))
        if not buffer:
            return b""
        count = self._read(memoryview(buffer), offset)
        self._check(offset + len(buffer), complete=count == len(buffer))
        return bytes(buffer)

    def send_to(self, connection: int, offset: int, length: int, patience: float) -> bool:
        """Send *length* bytes from *offset* to a non-blocking socket, out of the page cache and without a copy.

        :param connection: the socket's file descriptor
        :param patience: seconds that the other side may take to read anything
        :returns: whether it had to be waited for
        :raises BootFileError: as :meth:`read_at`
        :raises OSError: the connection is lost, or the other side does not read
        """
        self._fetch_from_disk(offset, length)
        waited = False
        while length:
            self._check(offset + length)
            try:
                count = os.sendfile(connection, self._descriptor, offset, length)
            except BlockingIOError:
                wait_write(connection, timeout=patience)
                waited = True
                continue
            except OSError as error:
                if error.errno == errno.EIO:
                    raise BootFileError(f"{self._path}: {error.strerror}") from error
                raise
            self._check(offset + count, complete=count > 0)
            offset += count
            length -= count
        return waited

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _check(self, end: int, complete: bool = True) -> None:
        """Look whether the file is still the one that was opened; once a transfer, before its last bytes go out:
        whoever got mixed bytes must not get the last of them.
        """
        if not complete or (end == self._size and _version(os.fstat(self._descriptor)) != self._changed):
            raise BootFileError(f"{self._path} changed while it was being sent")

    def _read(self, target: memoryview, offset: int) -> int:
        """Fill *target*; how many bytes that gave, fewer only where the file ends."""
        count = self._cached(target, offset)
        if count == len(target):
            return count
        return count + self._on_a_thread(_read_fully, self._descriptor, target[count:], offset + count)

    def _fetch_from_disk(self, offset: int, length: int) -> None:
        """Bring a stretch into the page cache, so that sendfile does not wait for the disk in the event loop.

        Only every so many bytes are looked for: the kernel reads ahead further than that.
        """
        probe = memoryview(bytearray(1))
        places = (*range(offset, offset + length, _READ_AHEAD), offset + length - 1)
        if not all(self._cached(probe, place) for place in places):
            self._on_a_thread(_read_fully, self._descriptor, memoryview(bytearray(length)), offset)

    def _cached(self, target: memoryview, offset: int) -> int:
        """Read what is in the page cache; how many bytes that gave."""
        try:
            return os.preadv(self._descriptor, [target], offset, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EOPNOTSUPP):
                return 0
            raise BootFileError(f"{self._path}: {error.strerror}") from error

    def _on_a_thread(self, function: Callable[..., int], *arguments: object) -> int:
        try:
            return _disk_pool().apply(function, arguments)
        except OSError as error:
            raise BootFileError(f"{self._path}: {error.strerror}") from error


def open_local(path: str, root: str | None = None) -> BootFile:
    """Open the regular file at *path*.

    :param root: folder that it must be in, wherever symbolic links lead
    :raises BootFileNotFound: there is none, or it is outside of *root*
    :raises BootFileError: it cannot be opened, or is no regular file
    """
    try:
        # O_NONBLOCK, lest a named pipe hold us up before we can see what it is.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BootFileNotFound(f"{path} does not exist") from error
    except OSError as error:
        raise BootFileError(f"{path}: {error.strerror}") from error
    # Asked of the open file, so that nobody can exchange a link between the look and the use.
    if root is not None and not _is_below(os.readlink(f"/proc/self/fd/{descriptor}"), os.path.realpath(root)):
        os.close(descriptor)
        raise BootFileNotFound(f"{path} is not below {root}")
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise BootFileError(f"{path} is not a regular file")
    return BootFile(
        name=os.path.basename(path),
        size=status.st_size,
        etag=f'"{status.st_dev:x}-{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"',
        source=LocalFile(path, descriptor, status),
    )


def _is_below(path: str, root: str) -> bool:
    return os.path.commonpath([path, root]) == root


def _version(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_size


def _read_fully(descriptor: int, target: memoryview, offset: int) -> int:
    filled = 0
    while filled < len(target) and (count := os.preadv(descriptor, [target[filled:]], offset + filled)):
        filled += count
    return filled


def _disk_pool() -> ThreadPool:
    """One pool for each hub, apart from the hub's own: that one resolves names."""
    hub = gevent.get_hub()
    pool = _pools.get(hub)
    if pool is None:
        pool = _pools[hub] = ThreadPool(_DISK_THREADS, hub=hub)
    return pool

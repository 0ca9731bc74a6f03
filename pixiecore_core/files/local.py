"""Boot files on this host's disks.

A file is opened once for each transfer and read through that descriptor, so one that is replaced keeps its old bytes,
and one that is changed in place or cut short ends the transfer with an error and never with a mixed file. Page-cache
hits are read at once; anything else on a thread, since a disk must not stop the loop.
"""

from __future__ import annotations

import errno
import os
import stat
from weakref import WeakKeyDictionary

import gevent
from gevent.hub import Hub
from gevent.threadpool import ThreadPool

from pixiecore_core.errors import BootFileError, BootFileNotFound
from pixiecore_core.models import BootFile

_DISK_THREADS = 4
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
        self.read_into(buffer, offset)
        return bytes(buffer)

    def read_into(self, buffer: bytearray | memoryview, offset: int) -> int:
        """Fill *buffer* from *offset*; how many bytes that gave, fewer only at the end of the file.

        A caller that reads again and again into one buffer saves a copy, and the kernel the zeroing of fresh memory.

        :raises BootFileError: as :meth:`read_at`
        """
        target = memoryview(buffer)
        wanted = max(0, min(len(target), self._size - offset))
        if not wanted:
            return 0
        count = self._read(target[:wanted], offset)
        if count < wanted or (
            # Looked at once a transfer, at its end: whoever got mixed bytes must not get the last of them.
            offset + wanted == self._size and _version(os.fstat(self._descriptor)) != self._changed
        ):
            raise BootFileError(f"{self._path} changed while it was being sent")
        return count

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _read(self, target: memoryview, offset: int) -> int:
        try:
            count = os.preadv(self._descriptor, [target], offset, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EOPNOTSUPP):
                raise BootFileError(f"{self._path}: {error.strerror}") from error
            count = 0
        if count == len(target):
            return count
        try:
            return count + _disk_pool().apply(_read_fully, (self._descriptor, target[count:], offset + count))
        except OSError as error:
            raise BootFileError(f"{self._path}: {error.strerror}") from error


def open_local(path: str) -> BootFile:
    """Open the regular file at *path*.

    :raises BootFileNotFound: there is none
    :raises BootFileError: it cannot be opened, or is no regular file
    """
    try:
        # O_NONBLOCK, lest a named pipe hold us up before we can see what it is.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BootFileNotFound(f"{path} does not exist") from error
    except OSError as error:
        raise BootFileError(f"{path}: {error.strerror}") from error
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

"""A file on its way into the cache: takes bytes as they come, has room made for them, and hashes them.

Plain blocking calls, for a disk thread. Where the file is, and what becomes of it, is up to store.py.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

_ROOM_BYTES = 64 << 20
"""Room is made in steps of this many bytes, as a download grows."""


class Part:
    """A file on its way into the cache.

    :param descriptor: open for reading and writing; the caller's to close
    """

    def __init__(self, path: Path, descriptor: int, make_room: Callable[[int], None], expected: int | None) -> None:
        self.path = path
        self.descriptor = descriptor
        self.size = 0
        self._make_room = make_room
        self._expected = expected
        self._room = 0
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Append *data*.

        :raises OSError: the disk is full, or failed
        """
        if self.size + len(data) > self._room:
            # As bytes come, and not before: a length that is only claimed must cost no other file its place.
            step = _ROOM_BYTES if self._expected is None else min(_ROOM_BYTES, self._expected - self._room)
            step = max(step, len(data))
            self._room += step
            self._make_room(step)
        view = memoryview(data)
        offset = self.size
        tried = False
        while view:
            try:
                count = os.pwrite(self.descriptor, view, offset)
            except OSError as error:
                if error.errno != errno.ENOSPC or tried:
                    raise
                # A disk that is smaller than the cache may be: what was unused longest makes room here too.
                tried = True
                self._make_room(-max(_ROOM_BYTES, len(view)))
                continue
            view, offset = view[count:], offset + count
        self._hash.update(data)
        self.size = offset

    def sha256(self) -> str:
        """Of what has been written, in hex."""
        return self._hash.copy().hexdigest()

    def hash_so_far(self) -> hashlib._Hash:
        """To go on hashing elsewhere."""
        return self._hash.copy()

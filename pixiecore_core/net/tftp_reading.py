"""Reads a file for a transfer a little ahead of what is sent, so that no disk and no upstream ever holds up the loop.

Keeps two stretches of the file in memory, whatever its size, and the one before while a window that begins in it may
have to be sent again. Knows no TFTP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gevent

from pixiecore_core.errors import BootFileError

_STRETCH_BYTES = 128 << 10
"""At least: some hundred blocks, so some hundred round trips of time to read the next."""


@dataclass(frozen=True, slots=True)
class TftpFile:
    """An opened file, to be sent over TFTP."""

    size: int
    """Bytes."""
    read_at: Callable[[int, int], bytes | memoryview]
    """``read_at(offset, length)``: at least one byte, at most so many. Called in a greenlet of its own, so it may wait.
    Raises ``BootFileError`` when they cannot be read."""
    close: Callable[[], None]
    """Called once, when no read is under way."""
    most_blksize: int | None = None
    """Bytes that the client may have in a block, where that is less than others may."""
    most_windowsize: int | None = None
    """Blocks that it may have in a window."""


class ReadAhead:
    """Gives a transfer its bytes without waiting.

    :param file: closed by :meth:`close`
    :param blksize: every read begins at a multiple of it and is no longer
    :param window: bytes before the furthest ones read that may be read again, so are kept
    :param on_arrival: called in a greenlet when bytes that were missing are there
    :param on_failure: called in a greenlet with a reason when they cannot be read
    """

    def __init__(
        self,
        file: TftpFile,
        blksize: int,
        window: int,
        on_arrival: Callable[[], None],
        on_failure: Callable[[str], None],
    ) -> None:
        self._file = file
        # Whole blocks, so that none lies across two stretches.
        self._length = max(_STRETCH_BYTES, window) // blksize * blksize
        self._blksize = blksize
        self._window = window
        self._stretches: dict[int, bytes | memoryview] = {}
        self._wanted: list[int] = []
        self._missed = False
        self._on_arrival = on_arrival
        self._on_failure = on_failure
        self._reader: gevent.Greenlet[[], None] | None = None
        self._closed = False
        self._start = 0  # the stretch that is being read, and how far in it reads need no closer look
        self._end = 0
        self._bytes: bytes | memoryview = b""

    def read_first_block(self) -> None:
        """Read it, and no more, for a client that may be a forged address; waits for it.

        :raises BootFileError: it cannot be read
        """
        self._bytes = self._read(0, self._blksize)
        self._end = self._blksize

    def read_at(self, offset: int, length: int) -> bytes | memoryview | None:
        """Bytes of the file, or ``None`` while they are being read; ``on_arrival`` is called then."""
        if not self._start <= offset < self._end and not self._turn_to(offset):
            return None
        start = offset - self._start
        return self._bytes[start : start + length]

    def close(self) -> None:
        """Close the file, after a read that is under way."""
        self._closed = True
        if self._reader is not None:
            self._reader.join()
        self._stretches.clear()
        self._bytes = b""
        self._file.close()

    def _turn_to(self, offset: int) -> bool:
        index = offset // self._length
        stretch = self._stretches.get(index)
        # All of a window is read again where one block of it was lost, and the window may have begun a stretch before;
        # what was read ahead then, two on, is kept for the way forward.
        first = max(offset - self._window, 0) // self._length
        following = index + 1 if (index + 1) * self._length < self._file.size else None
        self._stretches = {kept: held for kept, held in self._stretches.items() if first <= kept <= index + 2}
        self._wanted = [wanted for wanted in (index, following) if wanted is not None and wanted not in self._stretches]
        if self._wanted and self._reader is None and not self._closed:
            self._reader = gevent.spawn(self._read_wanted)
        if stretch is None:
            self._missed = True
            self._end = 0
            return False
        self._start = index * self._length
        # Until a window into the stretch the one before is kept; then comes the next turn.
        self._end = self._start + (self._window if first < index and self._window < self._length else self._length)
        self._bytes = stretch
        return True

    def _read_wanted(self) -> None:
        try:
            while self._wanted and not self._closed:
                index = self._wanted[0]
                stretch = self._read(index * self._length, self._length)
                if index in self._wanted:  # the transfer may have gone back meanwhile
                    self._wanted.remove(index)
                    self._stretches[index] = stretch
                    if self._missed:
                        self._missed = False
                        self._on_arrival()
        except BootFileError as error:
            self._on_failure(str(error))
        except Exception as error:  # a plugin's source may raise anything, and the client must hear of it
            self._on_failure(f"reading failed: {type(error).__name__}: {error}")
        finally:
            self._reader = None

    def _read(self, offset: int, length: int) -> bytes | memoryview:
        wanted = min(length, self._file.size - offset)
        stretch = self._file.read_at(offset, wanted) if wanted else b""
        while len(stretch) < wanted:
            # A file that is still on its way to us comes in smaller parts.
            part = self._file.read_at(offset + len(stretch), wanted - len(stretch))
            if not part:
                raise BootFileError("the file is shorter than it was when it was opened")
            stretch = b"".join((stretch, part))
        return stretch

"""A captured frame, and the stream that captures are read from: bounded, and exact about where a file is cut off.

What the two file formats, pcap.py and pcapng.py, share. Opens no file and looks into no frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from pixiecore_core.errors import WireError

LONGEST_FRAME = 262_144
"""Bytes: the largest snapshot length of libpcap (MAXIMUM_SNAPLEN, pcap-int.h)."""
MOST_FRAMES = 2_000_000
_STEP = 1 << 16


class Link(IntEnum):
    """What a frame begins with; the link types of the tcpdump group's registry that can carry a boot."""

    NULL = 0
    """BSD loopback: four bytes of address family, in the byte order of whoever captured."""
    ETHERNET = 1
    RAW_OLD = 12
    RAW_OPENBSD = 14
    RAW = 101
    LOOP = 108
    """OpenBSD loopback: the family in network byte order."""
    COOKED = 113
    """Linux's ``-i any``, version 1."""
    IPV4 = 228
    COOKED_2 = 276


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame."""

    at: int
    """Nanoseconds since the epoch; 0 where the file does not say."""
    data: bytes
    """As much of it as was captured."""
    link: int = Link.ETHERNET
    """See :class:`Link`; others can occur."""
    length: int = 0
    """Bytes that it had on the wire; 0 where all were captured."""


class Readable(Protocol):
    """A binary file."""

    def read(self, size: int, /) -> bytes:
        """Up to *size* bytes, and none at the end."""


class Source:
    """The bytes of a capture, one after the other, with the count that a message about a broken one needs."""

    def __init__(self, file: Readable, most: int = MOST_FRAMES) -> None:
        self._file = file
        self._most = most
        self.offset = 0
        """Bytes read."""
        self.frames = 0
        """Frames read whole."""

    def begin(self, size: int) -> bytes:
        """The next *size* bytes of something that begins here, or nothing at the end of the file.

        :raises WireError: the file ends within
        """
        data = self._read(size)
        return data if not data or len(data) == size else self._cut_off()

    def take(self, size: int) -> bytes:
        """The next *size* bytes.

        :raises WireError: the file ends before
        """
        data = self._read(size)
        return data if len(data) == size else self._cut_off()

    def skip(self, size: int) -> None:
        """Pass over *size* bytes.

        :raises WireError: the file ends before
        """
        while size > 0:
            self.take(min(size, _STEP))
            size -= _STEP

    def count(self) -> None:
        """One more frame is whole.

        :raises WireError: there are more than anybody reads
        """
        self.frames += 1
        if self.frames > self._most:
            raise WireError(f"more than {self._most:,} frames: cut it down first, such as with editcap", self.offset)

    def _read(self, size: int) -> bytes:
        parts = []
        # A pipe gives what it has.
        while size and (part := self._file.read(size)):
            parts.append(part)
            size -= len(part)
        data = b"".join(parts)
        self.offset += len(data)
        return data

    def _cut_off(self) -> bytes:
        raise WireError(f"the capture is cut off after {counted(self.frames)}", self.offset)


def counted(frames: int) -> str:
    """``1 frame``, ``12 frames``."""
    return f"{frames:,} frame{'' if frames == 1 else 's'}"

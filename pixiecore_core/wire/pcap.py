"""Captures as files: reads pcap and pcapng, writes pcap (draft-ietf-opsawg-pcap, -pcapng). Bytes and values.

The same frames always make the same file. What a frame holds is for frames.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Literal

from pixiecore_core.errors import WireError
from pixiecore_core.wire import pcapng
from pixiecore_core.wire.captured import LONGEST_FRAME, MOST_FRAMES, Frame, Link, Readable, Source, counted

_MICRO, _NANO = 0xA1B2C3D4, 0xA1B23C4D
_MAGIC: dict[bytes, tuple[Literal["<", ">"], int]] = {
    struct.pack(order + "I", magic): (order, scale)
    for order in ("<", ">")
    for magic, scale in ((_MICRO, 1000), (_NANO, 1))
}
_HEADER_BYTES, _RECORD_BYTES = 24, 16
_LINK_BITS = 0xFFFF
"""The upper half says how long a checksum follows each frame (section 4); what follows a packet does no harm."""
_SECOND = 1_000_000_000


def read(file: Readable, most: int = MOST_FRAMES) -> Iterator[Frame]:
    """The frames in *file*, as they are read: those before a fault are handed out before it is raised.

    :param most: frames, after which it is given up
    :raises WireError: it is no capture, or is cut off, or broken; says after how many frames and at which byte
    """
    source = Source(file, most)
    magic = source.begin(4)
    if magic == pcapng.SECTION_MAGIC:
        yield from pcapng.frames(source)
    elif magic in _MAGIC:
        yield from _frames(source, *_MAGIC[magic])
    else:
        raise WireError("neither a pcap nor a pcapng file", 0)


def _frames(source: Source, order: str, scale: int) -> Iterator[Frame]:
    *_, link = struct.unpack(order + "HHiIII", source.take(_HEADER_BYTES - 4))
    record = struct.Struct(order + "IIII")
    while head := source.begin(_RECORD_BYTES):
        seconds, fraction, size, length = record.unpack(head)
        if size > LONGEST_FRAME:
            told = f"the capture is broken after {counted(source.frames)}: the next claims {size:,} bytes"
            raise WireError(told, source.offset - _RECORD_BYTES)
        data = source.take(size)
        source.count()
        yield Frame(seconds * _SECOND + fraction * scale, data, link & _LINK_BITS, length if length > size else 0)


def write(frames: Iterable[Frame], unit: Literal["us", "ns"] = "ns", link: int = Link.ETHERNET) -> bytes:
    """A pcap file of *frames*, in the order given.

    :param unit: of the times: microseconds, which every reader knows, or nanoseconds
    :param link: the one link type of all frames
    :raises ValueError: a frame is of another link type, longer than a reader takes, or of no time that the file can say
    """
    magic, scale = (_MICRO, 1000) if unit == "us" else (_NANO, 1)
    parts = [struct.pack("<IHHiIII", magic, 2, 4, 0, 0, LONGEST_FRAME, link)]
    for frame in frames:
        if frame.link != link or len(frame.data) > LONGEST_FRAME:
            raise ValueError(f"a frame of link type {frame.link} and {len(frame.data):,} bytes")
        seconds, rest = divmod(frame.at, _SECOND)
        if not 0 <= seconds < 1 << 32:
            raise ValueError(f"no time of a pcap file: {frame.at} ns")
        size = len(frame.data)
        parts += [struct.pack("<IIII", seconds, rest // scale, size, max(size, frame.length)), frame.data]
    return b"".join(parts)

"""The blocks of a pcapng file (draft-ietf-opsawg-pcapng): sections, interfaces, packets. Reads; pcap.py decides when.

Sections of either byte order, several interfaces with their own clocks. Blocks of other kinds are passed over.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pixiecore_core.errors import WireError
from pixiecore_core.wire.captured import LONGEST_FRAME, Frame, Source, counted

SECTION_MAGIC = b"\x0a\x0d\x0d\x0a"
"""The type of a section header, the same in both byte orders."""
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_INTERFACE, _SIMPLE, _ENHANCED = 1, 3, 6
_READ = {_INTERFACE, _SIMPLE, _ENHANCED}
_LONGEST_BLOCK = LONGEST_FRAME + (64 << 10)
_MOST_INTERFACES = 1024
_OPTION_RESOLUTION, _OPTION_OFFSET = 9, 14  # section 4.2, if_tsresol and if_tsoffset
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Interface:
    link: int
    snap: int
    """Bytes of a frame that are kept; 0 for all."""
    resolution: int = 6
    """if_tsresol: a negative power of ten or, with the highest bit, of two."""
    offset: int = 0
    """Seconds to add."""

    def time(self, high: int, low: int) -> int:
        units = high << 32 | low
        per_second = 1 << (self.resolution & 0x7F) if self.resolution & 0x80 else 10**self.resolution
        return int(max(0, units * _SECOND // per_second + self.offset * _SECOND))


def frames(source: Source) -> Iterator[Frame]:
    """The frames of a file of which the first four bytes, :data:`SECTION_MAGIC`, have been read.

    :raises WireError: it is cut off or broken
    """
    kind, order, interfaces = SECTION_MAGIC, "<", list[_Interface]()
    while kind:
        if kind == SECTION_MAGIC:
            order, interfaces = _section(source), []
        else:
            code = struct.unpack(order + "I", kind)[0]
            yield from _block(source, code, order, interfaces)
        kind = source.begin(4)


def _section(source: Source) -> str:
    head = source.take(8)
    order = _ORDERS.get(head[4:])
    if order is None:
        raise _broken(source, "a section without its byte order")
    size = struct.unpack(order + "I", head[:4])[0]
    if size < 28 or size % 4:
        raise _broken(source, f"a section header claims {size:,} bytes")
    source.skip(size - 12)
    return order


def _block(source: Source, code: int, order: str, interfaces: list[_Interface]) -> Iterator[Frame]:
    size = struct.unpack(order + "I", source.take(4))[0]
    if size < 12 or size % 4:
        raise _broken(source, f"a block claims {size:,} bytes")
    if code not in _READ:
        source.skip(size - 8)
        return
    if size > _LONGEST_BLOCK:
        raise _broken(source, f"a block claims {size:,} bytes")
    body = source.take(size - 12)
    if source.take(4) != struct.pack(order + "I", size):
        raise _broken(source, "the two lengths of a block differ")
    try:
        if code == _INTERFACE:
            interfaces.append(_interface(body, order))
            if len(interfaces) > _MOST_INTERFACES:
                raise _broken(source, f"more than {_MOST_INTERFACES} interfaces")
            return
        frame = (_enhanced if code == _ENHANCED else _simple)(body, order, interfaces)
    except (struct.error, IndexError):
        raise _broken(source, f"a block of type {code} is too short, or of an interface that is not there") from None
    source.count()
    yield frame


def _interface(body: bytes, order: str) -> _Interface:
    link, _, snap = struct.unpack_from(order + "HHI", body)
    resolution, offset, position = 6, 0, 8
    while position + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, position)
        value = body[position + 4 : position + 4 + size]
        if code == 0:
            break
        if code == _OPTION_RESOLUTION and size == 1 and value:
            resolution = value[0]
        elif code == _OPTION_OFFSET and len(value) == 8:
            offset = struct.unpack(order + "q", value)[0]
        position += 4 + size + -size % 4
    return _Interface(link, snap, resolution, offset)


def _enhanced(body: bytes, order: str, interfaces: list[_Interface]) -> Frame:
    number, high, low, size, length = struct.unpack_from(order + "5I", body)
    if size > len(body) - 20:
        raise IndexError
    interface = interfaces[number]
    return Frame(interface.time(high, low), body[20 : 20 + size], interface.link, length if length > size else 0)


def _simple(body: bytes, order: str, interfaces: list[_Interface]) -> Frame:
    """Of the first interface, without a time."""
    (length,) = struct.unpack_from(order + "I", body)
    interface = interfaces[0]
    size = min(length, interface.snap or length)
    if size > len(body) - 4:
        raise IndexError
    return Frame(0, body[4 : 4 + size], interface.link, length if length > size else 0)


def _broken(source: Source, what: str) -> WireError:
    return WireError(f"the capture is broken after {counted(source.frames)}: {what}", source.offset)

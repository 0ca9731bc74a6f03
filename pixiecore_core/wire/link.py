"""What is around an IPv4 packet on the wire: Ethernet with its tags, Linux's cooked headers, loopback, or nothing.

Either way, as far as captures need it. Looks into no packet.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pixiecore_core.errors import WireError
from pixiecore_core.wire.captured import Frame, Link

IPV4 = 0x0800
_TAGS = {0x8100, 0x88A8, 0x9100}
"""IEEE 802.1Q, 802.1ad, and what was used before that."""
_MOST_TAGS = 4
_FAMILY_INET = 2
_RAW = {Link.RAW, Link.RAW_OLD, Link.RAW_OPENBSD, Link.IPV4}


@dataclass(frozen=True, slots=True)
class Linked:
    """An IPv4 packet, and between which hardware addresses it went, as far as the frame says."""

    packet: bytes
    source: str = ""
    """Such as ``52:54:00:12:34:56``; empty where that is not known."""
    destination: str = ""


def ipv4_in(frame: Frame) -> Linked | None:
    """The IPv4 packet in *frame*; ``None`` where it is of another protocol.

    :raises WireError: the frame is too short, or of a link type that is not known here
    """
    data = frame.data
    try:
        if frame.link == Link.ETHERNET:
            return _in_ethernet(data)
        if frame.link in _RAW:
            return Linked(data) if data[0] >> 4 == 4 else None
        if frame.link in (Link.NULL, Link.LOOP):
            return Linked(data[4:]) if data[:4].strip(b"\0") == bytes([_FAMILY_INET]) else None
        if frame.link == Link.COOKED:
            size, kind = struct.unpack_from("!H", data, 4)[0], struct.unpack_from("!H", data, 14)[0]
            return Linked(data[16:], _address(data[6:14], size)) if kind == IPV4 else None
        if frame.link == Link.COOKED_2:
            kind, size = struct.unpack_from("!H", data)[0], data[11]
            return Linked(data[20:], _address(data[12:20], size)) if kind == IPV4 else None
    except (struct.error, IndexError):
        raise WireError("a frame that is too short", len(data)) from None
    raise WireError(f"frames of link type {frame.link}, which is not known here", 0)


def ethernet(packet: bytes, source: str, destination: str) -> bytes:
    """*packet* as the frame that carries it."""
    return bytes.fromhex(destination.replace(":", "") + source.replace(":", "")) + struct.pack("!H", IPV4) + packet


def _in_ethernet(data: bytes) -> Linked | None:
    position = 12
    for _ in range(_MOST_TAGS):
        (kind,) = struct.unpack_from("!H", data, position)
        if kind not in _TAGS:
            break
        position += 4
    if kind != IPV4:
        return None
    return Linked(data[position + 2 :], data[6:12].hex(":"), data[:6].hex(":"))


def _address(field: bytes, size: int) -> str:
    return field[:6].hex(":") if size == 6 and len(field) == 8 else ""

"""TCP segments in IPv4 packets: header and payload, either way (RFC 9293 section 3.1). Pure; no connection is kept."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag
from ipaddress import IPv4Address

from pixiecore_core.errors import WireError
from pixiecore_core.wire import ip4

_TCP = struct.Struct("!HHIIBBHHH")
_WINDOW = 65_535


class Flag(IntFlag):
    """What a segment says besides its bytes."""

    FIN = 1
    SYN = 2
    RST = 4
    PSH = 8
    ACK = 16


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment with its addresses."""

    source: IPv4Address
    source_port: int
    destination: IPv4Address
    destination_port: int
    sequence: int
    acknowledged: int
    flags: Flag
    data: bytes
    missing: int = 0
    """Bytes at its end that were not captured."""


def inside(packet: ip4.Ip4Packet) -> Segment:
    """The segment in *packet*, which is whole and says that it carries TCP.

    :raises WireError: it does not
    """
    if len(packet.data) < _TCP.size:
        raise WireError("too short for a TCP header", len(packet.data))
    source_port, destination_port, sequence, acknowledged, offset, flags, *_ = _TCP.unpack_from(packet.data)
    header = (offset >> 4) * 4
    if header < _TCP.size or header > len(packet.data):
        raise WireError(f"a TCP header of {header} bytes", 12)
    return Segment(
        packet.source,
        source_port,
        packet.destination,
        destination_port,
        sequence,
        acknowledged,
        Flag(flags & 0x1F),
        packet.data[header:],
        packet.missing,
    )


def serialize(segment: Segment) -> bytes:
    """*segment* as IPv4, with both checksums; of one whose end is missing TCP's is left 0.

    :raises ValueError: it is longer than a packet can be
    """
    fields = (segment.source_port, segment.destination_port, segment.sequence, segment.acknowledged)
    tcp = _TCP.pack(*fields, (_TCP.size // 4) << 4, int(segment.flags), _WINDOW, 0, 0) + segment.data
    if not segment.missing:
        pseudo = ip4.pseudo_header(segment.source, segment.destination, ip4.TCP, len(tcp))
        tcp = tcp[:16] + struct.pack("!H", ip4.checksum(pseudo + tcp)) + tcp[18:]
    return ip4.serialize(ip4.Ip4Packet(segment.source, segment.destination, ip4.TCP, tcp, missing=segment.missing))

"""IPv4 packets that carry UDP: what a packet socket receives and sends (RFC 791, RFC 768). Pure bytes and values."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from pixiecore_core.errors import WireError

_IP = struct.Struct("!BBHHHBBH4s4s")
_UDP = struct.Struct("!HHHH")
_PROTOCOL_UDP = 17
_TIME_TO_LIVE = 64
_MORE_FRAGMENTS_AND_OFFSET = 0x3FFF


@dataclass(frozen=True, slots=True)
class UdpPacket:
    """A UDP datagram with its addresses."""

    source: IPv4Address
    source_port: int
    destination: IPv4Address
    destination_port: int
    data: bytes


def parse(packet: bytes) -> UdpPacket:
    """The datagram in *packet*, an IPv4 packet without a link header.

    :raises WireError: it is not a whole, unfragmented UDP packet
    """
    if len(packet) < _IP.size:
        raise WireError("too short for an IPv4 header", len(packet))
    version_length, _, total, _, fragment, _, protocol, _, source, destination = _IP.unpack_from(packet)
    header = (version_length & 0x0F) * 4
    if version_length >> 4 != 4 or header < _IP.size:
        raise WireError("not an IPv4 header", 0)
    if protocol != _PROTOCOL_UDP or fragment & _MORE_FRAGMENTS_AND_OFFSET:
        raise WireError("not a whole UDP packet", 6)
    if total > len(packet) or total < header + _UDP.size:
        raise WireError(f"the header claims {total} bytes", 2)
    source_port, destination_port, length, _ = _UDP.unpack_from(packet, header)
    if length < _UDP.size or header + length > total:
        raise WireError(f"UDP claims {length} bytes", header + 4)
    data = packet[header + _UDP.size : header + length]
    return UdpPacket(IPv4Address(source), source_port, IPv4Address(destination), destination_port, data)


def serialize(packet: UdpPacket) -> bytes:
    """*packet* as IPv4, with both checksums: busybox's udhcpc verifies them."""
    length = _UDP.size + len(packet.data)
    addresses = packet.source.packed + packet.destination.packed
    udp = _UDP.pack(packet.source_port, packet.destination_port, length, 0) + packet.data
    pseudo = addresses + struct.pack("!BBH", 0, _PROTOCOL_UDP, length)
    # RFC 768: a checksum that comes out as zero is sent as all ones, because zero means "none".
    checksum = _checksum(pseudo + udp) or 0xFFFF
    udp = udp[:6] + struct.pack("!H", checksum) + udp[8:]
    fields = (0x45, 0, _IP.size + length, 0, 0, _TIME_TO_LIVE, _PROTOCOL_UDP)
    head = _IP.pack(*fields, 0, packet.source.packed, packet.destination.packed)
    return _IP.pack(*fields, _checksum(head), packet.source.packed, packet.destination.packed) + udp


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(word for (word,) in struct.iter_unpack("!H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF

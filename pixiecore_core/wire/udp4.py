"""IPv4 packets that carry UDP: what a packet socket receives and sends (RFC 791, RFC 768). Pure bytes and values."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from pixiecore_core.errors import WireError
from pixiecore_core.wire import ip4

_UDP = struct.Struct("!HHHH")


@dataclass(frozen=True, slots=True)
class UdpPacket:
    """A UDP datagram with its addresses."""

    source: IPv4Address
    source_port: int
    destination: IPv4Address
    destination_port: int
    data: bytes
    missing: int = 0
    """Bytes at its end that were not captured."""


def parse(packet: bytes) -> UdpPacket:
    """The datagram in *packet*, an IPv4 packet without a link header.

    :raises WireError: it is not a whole, unfragmented UDP packet
    """
    found = ip4.parse(packet)
    if found.protocol != ip4.UDP or not found.is_whole:
        raise WireError("not a whole UDP packet", 6)
    return inside(found)


def inside(packet: ip4.Ip4Packet) -> UdpPacket:
    """The datagram in *packet*, which is whole and says that it carries UDP.

    :raises WireError: it does not
    """
    if len(packet.data) < _UDP.size:
        raise WireError("too short for a UDP header", len(packet.data))
    source_port, destination_port, length, _ = _UDP.unpack_from(packet.data)
    there = len(packet.data) + packet.missing
    if length < _UDP.size or length > there:
        raise WireError(f"UDP claims {length} bytes", 4)
    data = packet.data[_UDP.size : length]
    missing = length - _UDP.size - len(data)
    return UdpPacket(packet.source, source_port, packet.destination, destination_port, data, missing)


def serialize(packet: UdpPacket) -> bytes:
    """*packet* as IPv4, with both checksums: busybox's udhcpc verifies them."""
    length = _UDP.size + len(packet.data) + packet.missing
    udp = _UDP.pack(packet.source_port, packet.destination_port, length, 0) + packet.data
    if not packet.missing:
        pseudo = ip4.pseudo_header(packet.source, packet.destination, ip4.UDP, length)
        # RFC 768: a checksum that comes out as zero is sent as all ones, because zero means "none".
        checksum = ip4.checksum(pseudo + udp) or 0xFFFF
        udp = udp[:6] + struct.pack("!H", checksum) + udp[8:]
    return ip4.serialize(ip4.Ip4Packet(packet.source, packet.destination, ip4.UDP, udp, missing=packet.missing))

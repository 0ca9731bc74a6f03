"""IPv4 packets: header and payload, either way, and fragments put together again (RFC 791). Pure bytes and values."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from pixiecore_core.errors import WireError

TCP, UDP = 6, 17
_HEAD = struct.Struct("!BBHHHBBH4s4s")
_TIME_TO_LIVE = 64
_MORE, _OFFSET = 0x2000, 0x1FFF
_LONGEST = 65_535


@dataclass(frozen=True, slots=True)
class Ip4Packet:
    """One packet, or a fragment of one."""

    source: IPv4Address
    destination: IPv4Address
    protocol: int
    data: bytes
    identification: int = 0
    offset: int = 0
    """Where in the whole this fragment begins, in bytes."""
    more: bool = False
    """Whether further fragments follow."""
    missing: int = 0
    """Bytes at its end that were not captured."""

    @property
    def is_whole(self) -> bool:
        """Whether it is no fragment."""
        return not self.more and not self.offset


def parse(packet: bytes, captured: bool = False) -> Ip4Packet:
    """What *packet* is; what follows it is padding.

    :param captured: whether its end may be missing, as in a capture, and its length may be 0, as where a network card
        cuts the packet up after it was captured
    :raises WireError: it is not an IPv4 packet
    """
    if len(packet) < _HEAD.size:
        raise WireError("too short for an IPv4 header", len(packet))
    version_length, _, total, identification, fragment, _, protocol, _, source, destination = _HEAD.unpack_from(packet)
    header = (version_length & 0x0F) * 4
    if version_length >> 4 != 4 or header < _HEAD.size:
        raise WireError("not an IPv4 header", 0)
    if captured and not total:
        total = len(packet)
    if total < header or header > len(packet) or (total > len(packet) and not captured):
        raise WireError(f"the header claims {total} bytes", 2)
    return Ip4Packet(
        IPv4Address(source),
        IPv4Address(destination),
        protocol,
        packet[header:total],
        identification,
        (fragment & _OFFSET) * 8,
        bool(fragment & _MORE),
        max(0, total - len(packet)),
    )


def serialize(packet: Ip4Packet) -> bytes:
    """*packet* with its header and checksum.

    :raises ValueError: it is longer than a packet can be
    """
    total = _HEAD.size + len(packet.data) + packet.missing
    if total > _LONGEST:
        raise ValueError(f"{total:,} bytes are more than an IPv4 packet can have")
    fragment = packet.offset // 8 | (_MORE if packet.more else 0)
    fields = (0x45, 0, total, packet.identification, fragment, _TIME_TO_LIVE, packet.protocol)
    head = _HEAD.pack(*fields, 0, packet.source.packed, packet.destination.packed)
    return _HEAD.pack(*fields, checksum(head), packet.source.packed, packet.destination.packed) + packet.data


def pseudo_header(packet_source: IPv4Address, destination: IPv4Address, protocol: int, length: int) -> bytes:
    """What the checksums of UDP and TCP cover besides their own bytes (RFC 768, RFC 9293 section 3.1)."""
    return packet_source.packed + destination.packed + struct.pack("!BBH", 0, protocol, length)


def checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(word for (word,) in struct.iter_unpack("!H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Reassembler:
    """Puts fragments together. Bounded: the oldest of too many are forgotten, and so is what stays incomplete.

    :param most: packets of which fragments wait
    :param patience: nanoseconds that they wait (RFC 1122 section 3.3.2 has 60 s)
    """

    def __init__(self, most: int = 64, patience: int = 60_000_000_000) -> None:
        self._most = most
        self._patience = patience
        self._waiting: dict[tuple[IPv4Address, IPv4Address, int, int], tuple[int, dict[int, Ip4Packet]]] = {}

    def whole(self, packet: Ip4Packet, at: int) -> Ip4Packet | None:
        """The packet that is complete with this fragment, if any; a packet that is none is itself.

        :param at: nanoseconds of any clock
        """
        if packet.is_whole:
            return packet
        key = (packet.source, packet.destination, packet.protocol, packet.identification)
        began, parts = self._waiting.pop(key, (at, {}))
        if at - began > self._patience:
            began, parts = at, {}
        # Not one that was cut, nor the second of a place: whichever came first is as good.
        if not packet.missing and packet.data and packet.offset + len(packet.data) <= _LONGEST:
            parts.setdefault(packet.offset, packet)
        whole = _joined(parts)
        if whole is None and parts:
            self._waiting[key] = began, parts
            if len(self._waiting) > self._most:
                del self._waiting[next(iter(self._waiting))]
        return whole


def _joined(parts: dict[int, Ip4Packet]) -> Ip4Packet | None:
    data = bytearray()
    while (part := parts.get(len(data))) is not None:
        data += part.data
        if not part.more:
            return replace(part, data=bytes(data), offset=0)
    return None

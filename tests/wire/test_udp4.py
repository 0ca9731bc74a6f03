"""IPv4 and UDP headers, with scapy as the judge."""

from __future__ import annotations

import warnings
from contextlib import suppress
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.errors import WireError
from pixiecore_core.wire import udp4
from pixiecore_core.wire.udp4 import UdpPacket

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from scapy.layers.inet import IP, UDP
    from scapy.packet import Raw

ports = st.integers(0, 65535)
addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
packets = st.builds(UdpPacket, addresses, ports, addresses, ports, st.binary(max_size=600))


@given(packets)
def test_what_we_write_is_what_scapy_writes(packet: UdpPacket) -> None:
    data = udp4.serialize(packet)
    assert udp4.parse(data) == packet
    ip = IP(src=str(packet.source), dst=str(packet.destination), id=0, ttl=64)
    udp = UDP(sport=packet.source_port, dport=packet.destination_port)
    assert data == bytes(ip / udp / Raw(packet.data))


@given(st.binary(max_size=100))
def test_arbitrary_bytes_raise_only_wire_error(data: bytes) -> None:
    with suppress(WireError):
        udp4.parse(data)


@pytest.mark.parametrize("fragment", [b"\x20\x00", b"\x00\x05"])
def test_fragments_are_refused(fragment: bytes) -> None:
    whole = udp4.serialize(UdpPacket(IPv4Address(1), 1, IPv4Address(2), 2, b"data"))
    with pytest.raises(WireError, match="not a whole UDP packet"):
        udp4.parse(whole[:6] + fragment + whole[8:])


def test_what_follows_the_packet_is_padding() -> None:
    whole = udp4.serialize(UdpPacket(IPv4Address(1), 1, IPv4Address(2), 2, b"data"))
    assert udp4.parse(whole + bytes(18)).data == b"data"

"""Router solicitations and advertisements: what is read, what is refused, and that others read ours."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptMTU, ICMPv6NDOptSrcLLAddr

from pixiecore_core.errors import WireError
from pixiecore_core.wire.icmp6 import QUIET_ADVERTISEMENT, Advertisement, Solicitation, parse

MAC = "52:54:00:12:34:56"


def test_a_solicitation() -> None:
    assert parse(bytes(ICMPv6ND_RS())) == Solicitation()
    assert parse(bytes(ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr=MAC))) == Solicitation(MAC)
    assert parse(bytes(ICMPv6ND_RS() / ICMPv6NDOptMTU() / ICMPv6NDOptSrcLLAddr(lladdr=MAC))) == Solicitation(MAC)


def test_an_advertisement() -> None:
    assert parse(bytes(ICMPv6ND_RA(routerlifetime=1800) / ICMPv6NDOptMTU())) == Advertisement(1800)


def test_ours_promises_nothing() -> None:
    read = ICMPv6ND_RA(QUIET_ADVERTISEMENT)
    assert (read.type, read.code, read.routerlifetime, read.chlim, read.M, read.O) == (134, 0, 0, 0, 0, 0)
    assert (read.reachabletime, read.retranstimer) == (0, 0)
    assert not read.payload, "no option, so no prefix"
    assert parse(QUIET_ADVERTISEMENT) == Advertisement(0)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cut off"),
        (bytes([133]) + bytes(6), "cut off"),
        (bytes([134]) + bytes(8), "cut off"),
        (bytes([133, 1]) + bytes(6), "code 1"),
        (bytes([135]) + bytes(20), "type 135"),
        (bytes([133]) + bytes(7) + b"\x01\x00" + bytes(6), "wrong length"),
        (bytes([133]) + bytes(7) + b"\x01\x02" + bytes(6), "wrong length"),
        (bytes([133]) + bytes(7) + b"\x01", "cut off"),
    ],
)
def test_what_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        parse(data)


@given(st.binary(max_size=64))
def test_any_bytes(data: bytes) -> None:
    for kind in (b"\x85\0", b"\x86\0"):
        with contextlib.suppress(WireError):
            parse(kind + data)

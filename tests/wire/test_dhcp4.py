"""DHCPv4 codec: golden bytes both ways, hostile bytes, and two other codecs as judges."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pixiecore_core.errors import WireError
from pixiecore_core.wire import dhcp4
from pixiecore_core.wire.dhcp4 import Dhcp4Message, MessageType, Op, Option
from tests.golden import golden_datagrams
from tests.messages import message

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # scapy's own, about cryptography
    from scapy.layers.dhcp import BOOTP, DHCP

GOLDEN = golden_datagrams()


def bare(options: dict[int, bytes]) -> Dhcp4Message:
    """A message with these options and no others."""
    return replace(message(), options=options)


@pytest.mark.parametrize("datagram", GOLDEN, ids=str)
def test_what_real_firmware_sends_parses_as_scapy_reads_it(datagram: object) -> None:
    data = datagram.data  # type: ignore[attr-defined]
    parsed = dhcp4.parse(data)
    peer = BOOTP(data)
    assert (parsed.op, parsed.xid, parsed.secs, parsed.flags) == (peer.op, peer.xid, peer.secs, int(peer.flags))
    assert (str(parsed.ciaddr), str(parsed.giaddr)) == (peer.ciaddr, peer.giaddr)
    assert parsed.chaddr == peer.chaddr[:6]
    assert parsed.message_type == dict(option[:2] for option in peer[DHCP].options if len(option) > 1)["message-type"]


@pytest.mark.parametrize("datagram", GOLDEN, ids=str)
def test_what_real_firmware_sends_survives_a_round_trip(datagram: object) -> None:
    parsed = dhcp4.parse(datagram.data)  # type: ignore[attr-defined]
    assert dhcp4.parse(dhcp4.serialize(parsed)) == parsed


@given(st.binary(max_size=1600))
def test_arbitrary_bytes_raise_only_wire_error(data: bytes) -> None:
    with suppress(WireError):
        dhcp4.parse(data)


@given(st.sampled_from(GOLDEN), st.data())
def test_mutated_packets_raise_only_wire_error(datagram: object, draw: st.DataObject) -> None:
    data = bytearray(datagram.data)  # type: ignore[attr-defined]
    for _ in range(draw.draw(st.integers(1, 8))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(data)))
    for candidate in (bytes(data), bytes(data[:cut])):
        try:
            parsed = dhcp4.parse(candidate)
        except WireError:
            continue
        if len(parsed.chaddr) == 6 and parsed.htype == 1 and parsed.op in (1, 2) and len(parsed.file) < 128:
            assert dhcp4.parse(dhcp4.serialize(parsed)).options == parsed.options


OPTIONS = st.dictionaries(
    st.integers(1, 254).filter(lambda code: code != Option.OVERLOAD), st.binary(max_size=700), max_size=12
)


@given(
    options=OPTIONS,
    xid=st.integers(0, 2**32 - 1),
    file=st.binary(max_size=127).filter(lambda value: b"\0" not in value),
    mac=st.binary(min_size=6, max_size=6),
)
@example(options={43: b"\x06\x01\x08\xff"}, xid=1, file=b"", mac=b"\x02\0\0\0\0\0")
def test_what_we_write_is_read_back_alike(options: dict[int, bytes], xid: int, file: bytes, mac: bytes) -> None:
    written = replace(bare(options), op=Op.BOOTREPLY, xid=xid, file=file, chaddr=mac)
    data = dhcp4.serialize(written)
    assert dhcp4.parse(data) == written
    assert len(data) >= dhcp4.MINIMUM_BYTES
    peer = BOOTP(data)
    assert (peer.op, peer.xid, peer.chaddr[:6], peer.file.rstrip(b"\0")) == (2, xid, mac, file)


def test_end_is_written_behind_a_value_that_ends_in_0xff() -> None:
    """dhcppython leaves it out, and every encapsulated option 43 ends so."""
    data = dhcp4.serialize(bare({Option.VENDOR_SPECIFIC: b"\x06\x01\x08\xff"}))
    assert data[240:247] == b"\x2b\x04\x06\x01\x08\xff\xff"


def test_a_long_option_is_split_and_joined() -> None:
    """RFC 3396 section 5."""
    value = bytes(range(256)) * 2
    data = dhcp4.serialize(bare({Option.BOOT_FILE: value}))
    assert data[240:242] == b"\x43\xff"
    assert data[240 + 257 : 240 + 259] == b"\x43\xff"
    assert dhcp4.parse(data).options[Option.BOOT_FILE] == value


def test_options_in_overloaded_fields_are_found() -> None:
    """RFC 2132 section 9.3: option 52 says that file, sname or both hold options."""
    data = bytearray(dhcp4.serialize(bare({Option.OVERLOAD: b"\x03"})))
    data[108:113] = b"\x5d\x02\x00\x07\xff"
    data[44:49] = b"\x35\x01\x01\xff\x00"
    parsed = dhcp4.parse(bytes(data))
    assert parsed.options[Option.CLIENT_ARCHITECTURE] == b"\0\x07"
    assert parsed.message_type == MessageType.DISCOVER
    assert parsed.file == parsed.sname == b""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[:239], "too short"),
        (lambda data: b"", "too short"),
        (lambda data: data[:236] + b"abcd" + data[240:], "magic cookie"),
        (lambda data: b"\x07" + data[1:], "op 7"),
        (lambda data: data[:1] + b"\x20" + data[2:], "hardware type 32"),
        (lambda data: data[:2] + b"\x11" + data[3:], "length 17"),
        (lambda data: data[:240] + b"\x5d\x40\x00", "claims 64 bytes"),
        (lambda data: data[:240] + b"\x5d", "has no length"),
    ],
)
def test_malformed_messages_are_named(change: object, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        dhcp4.parse(change(dhcp4.serialize(message())))  # type: ignore[operator]


@pytest.mark.parametrize("hlen", [0, 16])
def test_odd_hardware_addresses_parse(hlen: int) -> None:
    data = bytearray(dhcp4.serialize(message()))
    data[2] = hlen
    assert len(dhcp4.parse(bytes(data)).chaddr) == hlen


def test_a_mac_that_ends_in_zero_stays_whole() -> None:
    written = message(chaddr=b"\x52\x54\0\0\0\0")
    assert dhcp4.parse(dhcp4.serialize(written)).chaddr == b"\x52\x54\0\0\0\0"


def test_a_boot_file_that_does_not_fit_is_refused() -> None:
    """dhcppython would cut it silently."""
    with pytest.raises(WireError, match="does not fit"):
        dhcp4.serialize(message(file=b"x" * 128))


def test_a_missing_end_is_tolerated() -> None:
    data = dhcp4.serialize(message())
    end = data.rindex(b"\xff")
    assert dhcp4.parse(data[:end]) == message()


def test_suboptions_of_a_lying_length() -> None:
    with pytest.raises(WireError):
        dhcp4.suboptions(b"\x13\x05\x01")


def test_default_addresses_are_unset() -> None:
    assert message().giaddr == IPv4Address(0)

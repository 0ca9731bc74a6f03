"""TFTP packets: golden bytes both ways, the packets that killed others, arbitrary bytes, and scapy as a judge."""

from __future__ import annotations

import warnings
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pixiecore_core.errors import WireError
from pixiecore_core.wire import tftp
from pixiecore_core.wire.tftp import Ack, Data, Error, ErrorCode, OptionAck, Packet, ReadRequest, WriteRequest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # scapy's own, about cryptography
    from scapy.layers.tftp import TFTP, TFTP_ACK, TFTP_DATA, TFTP_ERROR, TFTP_OACK, TFTP_RRQ

EDK2 = b"\0\1loader.efi\0octet\0tsize\x000\0blksize\x001468\0windowsize\x004\0"
"""As OVMF 2022.11 asks (FIELD.md 5.1)."""

CASES: list[tuple[Packet, bytes]] = [
    (ReadRequest("loader.efi", "octet", (("tsize", "0"), ("blksize", "1468"), ("windowsize", "4"))), EDK2),
    (ReadRequest("a", "NetASCII"), b"\0\1a\0NetASCII\0"),
    (WriteRequest("a", "octet"), b"\0\2a\0octet\0"),
    (Data(1, b"block"), b"\0\3\0\1block"),
    (Data(65535, b""), b"\0\3\xff\xff"),
    (Ack(0), b"\0\4\0\0"),
    (Error(8, "User aborted the transfer"), b"\0\5\0\x08User aborted the transfer\0"),
    (Error(99, ""), b"\0\5\0\x63\0"),
    (OptionAck((("blksize", "1432"), ("tsize", "0"))), b"\0\6blksize\x001432\0tsize\x000\0"),
    (OptionAck(()), b"\0\6"),
]

TEXT = st.text(st.characters(max_codepoint=255, exclude_characters="\0"), max_size=40)


@pytest.mark.parametrize(("packet", "wire"), CASES)
def test_writing(packet: Packet, wire: bytes) -> None:
    assert tftp.serialize(packet) == wire


@pytest.mark.parametrize(("packet", "wire"), [case for case in CASES if len(case[1]) >= 4])
def test_reading(packet: Packet, wire: bytes) -> None:
    assert tftp.parse(wire) == packet


@given(st.binary(max_size=700))
def test_arbitrary_bytes_raise_only_wire_error(data: bytes) -> None:
    with suppress(WireError):
        assert tftp.parse(data) is not None


@given(st.integers(1, 6), st.binary(max_size=200))
def test_arbitrary_bytes_behind_a_known_operation_raise_only_wire_error(opcode: int, rest: bytes) -> None:
    with suppress(WireError):
        tftp.parse(bytes([0, opcode]) + rest)


@given(st.sampled_from([wire for _, wire in CASES]), st.data())
def test_mutated_packets_raise_only_wire_error(wire: bytes, draw: st.DataObject) -> None:
    data = bytearray(wire)
    for _ in range(draw.draw(st.integers(1, 6))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(data)))
    with suppress(WireError):
        packet = tftp.parse(bytes(data[:cut]))
        if isinstance(packet, ReadRequest | WriteRequest):
            tftp.normalise_name(packet.name)


@given(
    st.one_of(
        st.builds(
            ReadRequest,
            TEXT.filter(bool),
            TEXT.filter(bool),
            st.lists(st.tuples(TEXT.filter(bool), TEXT.filter(bool)), max_size=8, unique_by=lambda o: o[0].lower()).map(
                tuple
            ),
        ),
        st.builds(Data, st.integers(0, 65535), st.binary(max_size=100)),
        st.builds(Ack, st.integers(0, 65535)),
    )
)
def test_what_we_write_we_read(packet: Packet) -> None:
    assert tftp.parse(tftp.serialize(packet)) == packet


@given(st.integers(0, 8).map(ErrorCode), st.text(max_size=400))
def test_any_text_makes_an_error_that_is_read_back(code: ErrorCode, message: str) -> None:
    packet = tftp.parse(tftp.error(code, message))
    assert isinstance(packet, Error)
    assert packet.code == code
    assert packet.message.isascii()


def test_scapy_reads_what_we_write() -> None:
    assert TFTP(tftp.serialize(Data(7, b"seven")))[TFTP_DATA].block == 7
    assert TFTP(tftp.serialize(Ack(9)))[TFTP_ACK].block == 9
    assert TFTP(tftp.error(ErrorCode.FILE_NOT_FOUND, "no such file"))[TFTP_ERROR].errormsg == b"no such file"
    assert [(option.oname, option.value) for option in TFTP(CASES[8][1])[TFTP_OACK].payload.options] == [
        (b"blksize", b"1432"),
        (b"tsize", b"0"),
    ]
    request = TFTP(EDK2)[TFTP_RRQ]
    assert (request.filename, request.mode) == (b"loader.efi", b"octet")


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"", "0 bytes are too short"),
        (b"\0", "1 bytes are too short"),  # ended fbtftp 0.5 with a struct.error
        (b"\0\1a", "too short"),
        (b"\0\1ab", "file name has no NUL"),
        (b"\0\1name\0octet", "mode has no NUL"),
        (b"\0\1name\0octet\0blksize\x001432", "value of option 'blksize' has no NUL"),
        (b"\0\1name\0octet\0blksize\0", "value of option 'blksize' has no NUL"),
        (b"\0\1" + b"a" * 10_000 + b"\0octet\0", "10009 bytes or more is too long"),
        (b"\0\1" + bytes(65_000), "too long"),
        (b"\0\1name\0octet\0" + b"".join(b"o%d\x001\0" % number for number in range(40)), "more than 32 options"),
        (b"\0\0\0\0", "0 is not a TFTP operation"),
        (b"\0\7\0\0", "7 is not a TFTP operation"),
        (b"\4\0\0\0", "1024 is not a TFTP operation"),
    ],
)
def test_malformed_packets_are_named(wire: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        tftp.parse(wire)


def test_a_name_stored_with_its_nul_still_has_its_mode() -> None:
    assert tftp.parse(b"\0\1name\0\0octet\0") == ReadRequest("name", "octet")


def test_a_request_padded_with_nuls_has_no_more_options() -> None:
    assert tftp.parse(b"\0\1name\0octet\0tsize\x000\0" + bytes(100)) == ReadRequest("name", "octet", (("tsize", "0"),))


def test_the_first_of_two_equal_options_counts() -> None:
    request = tftp.parse(b"\0\1name\0octet\0BlkSize\x00600\0blksize\x00700\0")
    assert request == ReadRequest("name", "octet", (("BlkSize", "600"),))


def test_an_error_without_its_nul_and_with_control_characters_reads() -> None:
    assert tftp.parse(b"\0\5\0\0TFTP\x1b[31m Aborted\xff") == Error(0, "TFTP?[31m Aborted?")


@pytest.mark.parametrize("packet", [Data(65536, b""), Ack(-1), ReadRequest("a\0b", "octet"), ReadRequest("€", "octet")])
def test_what_does_not_fit_is_refused(packet: Packet) -> None:
    with pytest.raises(WireError):
        tftp.serialize(packet)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("loader.efi", "loader.efi"),
        ("/loader.efi", "loader.efi"),
        ("//dir/loader.efi", "dir/loader.efi"),
        ("\\dir\\loader.efi", "dir/loader.efi"),
        ("netboot.xyz.efi\xff", "netboot.xyz.efi"),  # netboot.xyz#1198
        ("loader.efi\0\xff\xff", "loader.efi"),
        ("/etc/passwd", "etc/passwd"),
        ("a file", "a file"),
        ("x..y/...", "x..y/..."),
    ],
)
def test_names_are_normalised(name: str, path: str) -> None:
    assert tftp.normalise_name(name) == path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is empty"),
        ("/", "is empty"),
        ("\xff\xff", "is empty"),
        ("../etc/passwd", "leads out"),
        ("a/../../b", "leads out"),
        ("..", "leads out"),
        ("..\\windows", "leads out"),
        ("a\nb", "not printable"),
        ("caf\xe9", "not printable"),
        ("a" * 10_000, "10000 characters is too long"),
    ],
)
def test_names_that_are_refused(name: str, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        tftp.normalise_name(name)


@given(TEXT)
@example("/..")
def test_a_normalised_name_stays_inside(name: str) -> None:
    with suppress(WireError):
        path = tftp.normalise_name(name)
        assert not path.startswith("/")
        assert ".." not in path.split("/")
        assert tftp.normalise_name(path) == path

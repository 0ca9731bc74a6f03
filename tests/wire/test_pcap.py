"""Captures, read and written, with scapy and Wireshark's programs as the judges."""

from __future__ import annotations

import io
import struct
import subprocess
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.errors import WireError
from pixiecore_core.wire import pcap
from pixiecore_core.wire.captured import Frame, Link

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from scapy.utils import RawPcapNgReader, RawPcapReader

frames = st.lists(
    st.builds(
        lambda at, data, cut: Frame(at, data, length=len(data) + cut if cut else 0),
        st.integers(0, (1 << 32) * 10**9 - 1),
        st.binary(max_size=200),
        st.sampled_from([0, 0, 7]),
    ),
    max_size=8,
)
SOME = [Frame(1_700_000_000_123_456_789, bytes(range(60))), Frame(1_700_000_001_000_000_001, b"x" * 99, length=1514)]


def _read(data: bytes) -> list[Frame]:
    return list(pcap.read(io.BytesIO(data)))


@given(frames)
def test_what_is_written_is_read(some: list[Frame]) -> None:
    assert _read(pcap.write(some)) == some
    assert pcap.write(some) == pcap.write(some)
    in_microseconds = [Frame(frame.at // 1000 * 1000, frame.data, frame.link, frame.length) for frame in some]
    assert _read(pcap.write(some, "us")) == in_microseconds


def test_the_other_byte_order_is_read() -> None:
    head = struct.pack(">IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, Link.RAW)
    assert _read(head + struct.pack(">IIII", 5, 6, 3, 9) + b"abc") == [Frame(5_000_006_000, b"abc", Link.RAW, 9)]


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_only_wire_error(data: bytes) -> None:
    for start in (b"", pcap.write([]), b"\x0a\x0d\x0d\x0a", _pcapng()):
        with suppress(WireError):
            _read(start + data)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_file_that_is_cut_off_gives_what_was_whole_and_says_where(order: str) -> None:
    for whole in (pcap.write(SOME), _pcapng(order, [(0, frame) for frame in SOME])):
        ends = _ends(whole)
        for cut in range(4, len(whole)):
            got, error = _until(whole[:cut])
            assert [frame.data for frame in got] == [frame.data for frame in SOME[: len(got)]]
            if error is None:
                assert cut in ends  # between two records it cannot be seen
                continue
            assert error.reason.startswith(f"the capture is cut off after {len(got)} frame")
            assert error.offset == cut


def _until(data: bytes) -> tuple[list[Frame], WireError | None]:
    """What is read until an error, and that."""
    got: list[Frame] = []
    try:
        got.extend(pcap.read(io.BytesIO(data)))  # keeps what came before
    except WireError as error:
        return got, error
    return got, None


def _ends(whole: bytes) -> set[int]:
    """Where records and blocks end."""
    if whole.startswith(b"\x0a\x0d\x0d\x0a"):
        order, position, ends = "<" if whole[8] == 0x4D else ">", 0, set()
        while position < len(whole):
            position += struct.unpack_from(order + "I", whole, position + 4)[0]
            ends.add(position)
        return ends
    return {24, 24 + 16 + len(SOME[0].data)}


def test_what_is_no_capture_is_told_so() -> None:
    for data in (b"", b"PK\x03\x04 and more", b"\xa1"):
        with pytest.raises(WireError, match=r"neither a pcap nor a pcapng file|cut off"):
            _read(data)


def test_a_record_that_claims_too_much_is_told_with_its_place() -> None:
    data = pcap.write(SOME[:1]) + struct.pack("<IIII", 1, 1, 1 << 30, 1 << 30)
    with pytest.raises(WireError, match=r"broken after 1 frame: the next claims 1,073,741,824 bytes \(at byte 100\)"):
        _read(data)


def test_too_many_frames_are_given_up() -> None:
    with pytest.raises(WireError, match="more than 1 frames"):
        list(pcap.read(io.BytesIO(pcap.write(SOME)), most=1))


def _block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def _pcapng(order: str = "<", packets: list[tuple[int, Frame]] | None = None) -> bytes:
    """A section with two interfaces: Ethernet in nanoseconds, raw IP in 2^-10 of a second from second 100 on."""
    parts = [_block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))]
    resolution, offset = struct.pack(order + "HHB3x", 9, 1, 9), struct.pack(order + "HHq", 14, 8, 100)
    parts.append(_block(order, 1, struct.pack(order + "HHI", 1, 0, 0) + resolution + bytes(4)))
    parts.append(
        _block(order, 1, struct.pack(order + "HHI", 101, 0, 0) + struct.pack(order + "HHB3x", 9, 1, 0x8A) + offset)
    )
    for interface, frame in packets or []:
        time = (frame.at >> 32, frame.at & 0xFFFFFFFF)
        sizes = (len(frame.data), frame.length or len(frame.data))
        parts.append(_block(order, 0xBAD, b"unknown"))
        parts.append(_block(order, 6, struct.pack(order + "5I", interface, *time, *sizes) + frame.data))
    return b"".join(parts)


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_with_several_interfaces_and_sections(order: str) -> None:
    data = _pcapng(order, [(0, SOME[0]), (1, Frame(1536, b"raw"))]) + _pcapng("<", [(0, SOME[1])])
    assert _read(data) == [SOME[0], Frame(101_500_000_000, b"raw", 101), SOME[1]]
    simple = _block(order, 3, struct.pack(order + "I", 3) + b"abc")
    assert _read(_pcapng(order) + simple) == [Frame(0, b"abc")]


def test_a_packet_of_an_interface_that_is_not_there() -> None:
    with pytest.raises(WireError, match="broken after 0 frames: a block of type 6"):
        _read(_pcapng("<", [(7, SOME[0])]))


def test_scapy_reads_what_we_write(tmp_path: Path) -> None:
    file = tmp_path / "ours.pcap"
    file.write_bytes(pcap.write(SOME))
    with RawPcapReader(str(file)) as reader:
        found = [(data, head.sec, head.usec, head.wirelen) for data, head in reader]
    assert found == [
        (SOME[0].data, 1_700_000_000, 123_456_789, 60),
        (SOME[1].data, 1_700_000_001, 1, 1514),
    ]


@pytest.mark.parametrize("kind", ["pcap", "nsecpcap", "pcapng"])
def test_we_read_what_wireshark_writes(kind: str, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.pcap", tmp_path / "theirs"
    ours.write_bytes(pcap.write(SOME))
    subprocess.run(["editcap", "-F", kind, str(ours), str(theirs)], check=True)
    with theirs.open("rb") as file:
        found = list(pcap.read(file))
    assert [frame.data for frame in found] == [frame.data for frame in SOME]
    unit = 1000 if kind == "pcap" else 1
    assert [frame.at // unit for frame in found] == [frame.at // unit for frame in SOME]
    if kind == "pcapng":
        with RawPcapNgReader(str(theirs)) as reader:
            assert [data for data, _ in reader] == [frame.data for frame in found]


@pytest.mark.parametrize("field", [{"link": Link.RAW}, {"at": -1}, {"data": bytes(300_000)}])
def test_what_no_file_can_hold_is_refused(field: dict[str, object]) -> None:
    wrong = {"at": 1, "data": b"x"} | field
    with pytest.raises(ValueError, match=r"a frame of link type|no time of a pcap file"):
        pcap.write([Frame(**wrong)])  # type: ignore[arg-type]

"""Frames to values and back: links, fragments, TCP streams, HTTP heads; scapy and tshark are the judges."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import warnings
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.errors import WireError
from pixiecore_core.wire import dhcp4, pcap, tcp4
from pixiecore_core.wire.captured import Frame, Link
from pixiecore_core.wire.frames import Datagram, Decoder, Said, decode
from pixiecore_core.wire.framing import BROADCAST, Conversation, udp_frame
from pixiecore_core.wire.http_heads import Body, Head
from pixiecore_core.wire.link import ipv4_in
from pixiecore_core.wire.tcp4 import Flag, Segment
from pixiecore_core.wire.tcp_stream import Stream
from pixiecore_core.wire.udp4 import UdpPacket
from tests.messages import HTTP_IPXE, message

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from scapy.layers.inet import IP, TCP, UDP, fragment
    from scapy.layers.l2 import CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether, Loopback
    from scapy.packet import Raw

CLIENT, SERVER = IPv4Address("192.0.2.77"), IPv4Address("192.0.2.2")
CLIENT_MAC, SERVER_MAC = "52:54:00:12:34:56", "02:00:00:00:00:01"
ETHERNET = Ether(src=CLIENT_MAC, dst=BROADCAST)  # with both, or scapy would ask the network
PACKET = UdpPacket(CLIENT, 68, SERVER, 67, b"payload")


def _udp(data: bytes = b"payload") -> IP:
    return IP(src=str(CLIENT), dst=str(SERVER)) / UDP(sport=68, dport=67) / Raw(data)


@pytest.mark.parametrize(
    ("link", "layer"),
    [
        (Link.ETHERNET, ETHERNET),
        (Link.ETHERNET, ETHERNET / Dot1Q(vlan=5)),
        (Link.ETHERNET, ETHERNET / Dot1AD(vlan=5) / Dot1Q(vlan=6)),
        (Link.COOKED, CookedLinux(lladdrlen=6, src=bytes.fromhex(CLIENT_MAC.replace(":", "")) + bytes(2))),
        (Link.COOKED_2, CookedLinuxV2(lladdrlen=6, src=bytes.fromhex(CLIENT_MAC.replace(":", "")) + bytes(2))),
        (Link.NULL, Loopback(type=2)),
        (Link.RAW, None),
        (Link.IPV4, None),
    ],
)
def test_a_datagram_is_found_on_every_link(link: Link, layer: Ether | None) -> None:
    data = bytes(layer / _udp() if layer is not None else _udp()) + bytes(9)
    (found,) = decode([Frame(5, data, link)])
    assert isinstance(found, Datagram)
    assert found.packet == PACKET
    assert found.at == 5
    assert found.source == (CLIENT_MAC if link in (Link.ETHERNET, Link.COOKED, Link.COOKED_2) else "")


def test_what_is_no_ipv4_is_passed_over_and_what_cannot_be_read_is_counted() -> None:
    decoder = Decoder()
    arp = Frame(1, bytes(ETHERNET)[:12] + b"\x08\x06" + bytes(28))
    for frame in (arp, Frame(2, b"\x60" + bytes(39), Link.RAW), Frame(3, b"short"), Frame(4, bytes(60), 9999)):
        assert list(decoder.take(frame)) == []
    assert decoder.unreadable == {
        "a frame that is too short": 1,
        "frames of link type 9999, which is not known here": 1,
    }


@given(st.binary(min_size=1, max_size=4000), st.randoms(use_true_random=False), st.sampled_from([8, 64, 600]))
def test_fragments_in_any_order_and_twice(data: bytes, random: Random, size: int) -> None:
    parts = [bytes(part) for part in fragment(IP(bytes(_udp(data))), fragsize=size)]
    shuffled = parts * 2
    random.shuffle(shuffled)
    found = list(decode(Frame(1, part, Link.RAW) for part in shuffled))
    assert found
    assert {one.packet for one in found if isinstance(one, Datagram)} == {UdpPacket(CLIENT, 68, SERVER, 67, data)}


def test_a_datagram_that_was_not_captured_whole_says_so() -> None:
    whole = bytes(ETHERNET / _udp(bytes(1000)))
    (found,) = decode([Frame(1, whole[:100], length=len(whole))])
    assert isinstance(found, Datagram)
    assert (len(found.packet.data), found.packet.missing) == (58, 942)


@given(st.binary(max_size=200), st.sampled_from(list(Link)))
def test_arbitrary_bytes_raise_nothing(data: bytes, link: Link) -> None:
    with suppress(WireError):
        ipv4_in(Frame(1, data, link))
    list(decode([Frame(1, data, link)]))
    for protocol in (6, 17):
        list(decode([Frame(1, bytes(IP(proto=protocol) / Raw(data)), Link.RAW)]))


@given(
    st.binary(min_size=1, max_size=300),
    st.lists(st.tuples(st.integers(0, 299), st.integers(1, 80)), max_size=20),
    st.integers(0, (1 << 32) - 1),
)
def test_a_stream_gives_each_byte_once_and_in_order(data: bytes, cuts: list[tuple[int, int]], start: int) -> None:
    stream = Stream()
    stream.begin((start - 1) % (1 << 32))
    pieces = []
    for position, size in cuts:
        part = data[position : position + size]
        pieces += stream.take(1, (start + position) % (1 << 32), part)
    pieces += stream.finish()
    seen = {place for position, size in cuts for place in range(position, min(position + size, len(data)))}
    got, place = {}, 0
    for piece in pieces:
        got |= {place + number: byte for number, byte in enumerate(piece.data)}
        place += len(piece.data) + piece.gap
    assert got == {place: data[place] for place in seen}


def _request(path: str = "/_/ipxe?mac=1", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: 192.0.2.2\r\nUser-Agent: iPXE/1.0\r\n\r\n".encode()


def _response(size: int, *more: str) -> bytes:
    fields = "".join(f"{line}\r\n" for line in (f"Content-Length: {size}", *more))
    return f"HTTP/1.1 200 OK\r\n{fields}\r\n".encode()


def _boot() -> list[tuple[bool, bytes]]:
    """A connection that is kept: pipelined, with HEAD, with chunks, with a large body."""
    return [
        (True, _request("/a") + _request("/b", "HEAD")),
        (False, _response(5) + b"12345" + _response(7)),
        (True, _request("/c")),
        (False, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n1;x=y\r\ne\r\n0\r\n\r\n"),
        (True, _request("/d")),
        (False, _response(100_000) + bytes(100_000)),
        (True, _request("/e")),
        (False, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    ]


def _frames(said: list[tuple[bool, bytes]], port: int = 80) -> list[Frame]:
    connection = Conversation((CLIENT, 40000, CLIENT_MAC), (SERVER, port, SERVER_MAC))
    return [frame for at, (by, data) in enumerate(said) for frame in connection.say(at * 10**9, by, data)]


def _told(frames: list[Frame]) -> list[tuple[object, ...]]:
    found = [one for one in decode(frames) if isinstance(one, Said)]
    assert all(one.client == (CLIENT, 40000) and one.server[0] == SERVER for one in found)
    assert all(one.by_client == bool(one.what.method) for one in found if isinstance(one.what, Head))
    return [
        (one.what.method, one.what.target)
        if one.by_client
        else (one.what.status,)
        if isinstance(one.what, Head)
        else (one.what.size, one.what.missing, one.what.complete)
        for one in found
        if isinstance(one.what, Head | Body)
    ]


WHOLE = [
    ("GET", "/a"),
    ("HEAD", "/b"),
    (200,),
    (5, 0, True),
    (200,),
    ("GET", "/c"),
    (200,),
    (5, 0, True),
    ("GET", "/d"),
    (200,),
    (100_000, 0, True),
    ("GET", "/e"),
    (404,),
    (0, 0, True),
]


def test_heads_and_the_sizes_of_bodies_of_a_connection_that_is_kept() -> None:
    assert _told(_frames(_boot())) == WHOLE


@given(st.randoms(use_true_random=False))
def test_retransmissions_and_the_wrong_order_change_nothing(random: Random) -> None:
    frames = _frames(_boot())
    repeated = [*_handshake(), *(frame for frame in frames for _ in range(random.choice([1, 1, 2])))]
    for place in range(2, len(repeated) - 1):
        if random.random() < 0.3 and _same_direction(repeated[place], repeated[place + 1]):
            repeated[place : place + 2] = reversed(repeated[place : place + 2])
    assert _told(repeated) == WHOLE


def _handshake() -> list[Frame]:
    syn = Segment(CLIENT, 40000, SERVER, 80, 0, 0, Flag.SYN, b"")
    answer = Segment(SERVER, 80, CLIENT, 40000, 0, 1, Flag.SYN | Flag.ACK, b"")
    return [Frame(0, tcp4.serialize(one), Link.RAW) for one in (syn, answer)]


def _same_direction(one: Frame, other: Frame) -> bool:
    return one.data[:12] == other.data[:12] and one.at == other.at


def test_what_was_lost_of_a_body_is_counted_and_all_heads_are_there() -> None:
    frames = _frames(_boot())
    large = [frame for frame in frames if frame.at == 5 * 10**9]
    frames = [frame for frame in frames if frame not in large[10:20]]
    expected = [(100_000, 14_600, True) if one == (100_000, 0, True) else one for one in WHOLE]
    assert sorted(map(str, _told(frames))) == sorted(map(str, expected))


def test_after_a_lost_head_it_goes_on_with_the_next() -> None:
    frames = _frames(_boot())
    told = _told([frame for frame in frames if frame.at != 2 * 10**9])
    assert ("GET", "/c") not in told
    assert ("GET", "/d") in told
    assert (404,) in told


def test_a_body_that_is_broken_off_says_so() -> None:
    frames = _frames([(True, _request()), (False, _response(1000) + b"half")])
    assert _told(frames)[-1] == (4, 0, False)


def test_a_body_without_a_length_ends_with_its_connection() -> None:
    frames = _frames([(True, _request()), (False, b"HTTP/1.0 200 OK\r\n\r\nall there is")])
    assert _told(frames)[-1] == (12, 0, True)


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=60)), max_size=8))
def test_whatever_is_said_raises_nothing(said: list[tuple[bool, bytes]]) -> None:
    list(
        decode(_frames([(True, _request()), *said, (False, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZ")]))
    )


def test_what_came_before_a_cut_is_told_before_the_cut() -> None:
    data = pcap.write(_frames([(True, _request("/a")), (False, _response(0))]))[:-1]
    found = []
    with pytest.raises(WireError, match="cut off after 1 frame"):
        found.extend(decode(pcap.read(io.BytesIO(data))))
    assert len(found) == 1


@given(st.binary(max_size=1400))
def test_scapy_finds_our_frames_right(data: bytes) -> None:
    frame = udp_frame(1, UdpPacket(CLIENT, 68, SERVER, 67, data), CLIENT_MAC, SERVER_MAC)
    below = Ether(src=CLIENT_MAC, dst=SERVER_MAC) / IP(src=str(CLIENT), dst=str(SERVER), id=0)
    assert frame.data == bytes(below / UDP(sport=68, dport=67) / Raw(data))
    (segment,) = Conversation((CLIENT, 5, CLIENT_MAC), (SERVER, 80, SERVER_MAC)).say(1, True, data)
    tcp = TCP(sport=5, dport=80, seq=1, ack=1, flags="PA", window=65535)
    assert segment.data == bytes(below / tcp / Raw(data))


def _tshark(file: Path, *options: str) -> list[dict[str, object]]:
    command = ["tshark", "-r", str(file), "-T", "json", *options]
    command += ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    layers = [packet["_source"]["layers"] for packet in json.loads(found.stdout)]
    assert not any("checksum.bad" in json.dumps(packet) for packet in layers)
    return layers


def test_tshark_decodes_what_we_make_of_payloads(tmp_path: Path) -> None:
    asked = dhcp4.serialize(message(HTTP_IPXE))
    tftp = b"\x00\x01loader/undionly.kpxe\x00octet\x00"
    connection = Conversation((CLIENT, 40000, CLIENT_MAC), (SERVER, 80, SERVER_MAC))
    file = tmp_path / "made.pcap"
    discover = UdpPacket(IPv4Address(0), 68, IPv4Address("255.255.255.255"), 67, asked)
    frames = [
        udp_frame(1, discover, CLIENT_MAC, BROADCAST),
        udp_frame(2, UdpPacket(CLIENT, 2070, SERVER, 69, tftp), CLIENT_MAC, SERVER_MAC),
        *connection.say(3, True, _request("/_/file?name=x")),
        *connection.say(4, False, _response(100_000_000), unseen=100_000_000),
        *connection.say(5, True, _request("/_/booting")),
        *connection.say(6, False, _response(9), unseen=9),
    ]
    file.write_bytes(pcap.write(frames))
    dhcp, read, *web = _tshark(file)
    assert "dhcp" in dhcp
    assert "tftp" in read
    assert ["http" in packet for packet in web] == [True] * 4
    decoded = list(decode(pcap.read(io.BytesIO(file.read_bytes()))))
    assert [type(one) for one in decoded[:2]] == [Datagram, Datagram]


def test_a_body_that_nobody_kept_is_missing_but_counted() -> None:
    connection = Conversation((CLIENT, 40000, CLIENT_MAC), (SERVER, 80, SERVER_MAC))
    frames = [
        *connection.say(1, True, _request("/k")),
        *connection.say(2, False, _response(10_000_000), unseen=10_000_000),
        *connection.say(3, True, _request("/i")),
        *connection.say(4, False, _response(3), unseen=3),
    ]
    assert struct.unpack("!H", frames[1].data[16:18])[0] <= 65_535
    assert _told(frames) == [
        ("GET", "/k"),
        (200,),
        ("GET", "/i"),
        (10_000_000, 10_000_000, True),
        (200,),
        (3, 3, True),
    ]

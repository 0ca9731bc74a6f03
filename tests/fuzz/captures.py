"""Captures: files of either format, and the frames in them, down to the heads of HTTP."""

from __future__ import annotations

import io
import re
import struct
from contextlib import suppress
from ipaddress import IPv4Address

from pixiecore_core.errors import WireError
from pixiecore_core.hidden import blanked
from pixiecore_core.wire import pcap
from pixiecore_core.wire.captured import Frame, Link
from pixiecore_core.wire.frames import Datagram, decode
from pixiecore_core.wire.framing import Conversation, udp_frame
from pixiecore_core.wire.udp4 import UdpPacket
from tests.fuzz.target import target

_CLIENT, _SERVER = IPv4Address("192.0.2.77"), IPv4Address("192.0.2.2")
_TALK = Conversation((_CLIENT, 4000, "52:54:00:12:34:56"), (_SERVER, 80, "02:00:00:00:00:01"))
_FRAMES = [
    udp_frame(1, UdpPacket(_CLIENT, 68, _SERVER, 67, b"x" * 20), "52:54:00:12:34:56", "02:00:00:00:00:01"),
    *_TALK.say(2, True, b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"),
    *_TALK.say(3, False, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"),
    *_TALK.say(4, True, b"GET /b HTTP/1.1\r\n\r\n"),
    *_TALK.say(5, False, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
]


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


_SECTION = _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + _block(1, struct.pack("<HHI", 1, 0, 0))
_PACKET = _block(6, struct.pack("<5I", 0, 1, 2, 60, 60) + _FRAMES[0].data[:60])
_FILES = [pcap.write(_FRAMES), pcap.write(_FRAMES[:2], "us"), _SECTION + _PACKET, _SECTION + _block(3, bytes(8))]


@target(_FILES, [_SECTION, _PACKET, b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\xff\xff\xff\xff"])
def capture_file(data: bytes) -> None:
    """Read to its end or its fault; what it holds can be written and read again."""
    frames: list[Frame] = []
    with suppress(WireError):
        frames.extend(pcap.read(io.BytesIO(data)))
    assert sum(len(frame.data) for frame in frames) <= len(data)
    list(decode(frames))
    plain = [Frame(frame.at % (1 << 61), frame.data, length=frame.length) for frame in frames]
    assert list(pcap.read(io.BytesIO(pcap.write(plain)))) == plain


@target([bytes([0]) + frame.data for frame in _FRAMES], [b"\x81\x00\x00\x05", b"\x08\x00\x45", b"\x20\x00"])
def captured_frame(data: bytes) -> None:
    """The same frame three times, of any link: what is read of it is in it."""
    links = list(Link)
    frame = Frame(1, data[1:], links[data[0] % len(links)] if data else Link.ETHERNET)
    for found in decode([frame] * 3):
        if isinstance(found, Datagram):
            assert len(found.packet.data) <= len(data)


@target(
    [b"\1GET / HTTP/1.1\r\n\r\n\0HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"],
    [
        b"\0HTTP/1.1 200 \r\n\r\n",
        b"\1HEAD / HTTP/1.0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"\r\n5\r\n",
        b"\2",
    ],
)
def captured_talk(data: bytes) -> None:
    """A connection: pieces begin with who says it, and a byte of 2 loses one."""
    talk, frames = Conversation((_CLIENT, 4000, "52:54:00:12:34:56"), (_SERVER, 80, "02:00:00:00:00:01")), []
    for at, piece in enumerate(re.split(rb"(?=[\0\1\2])", data)):
        made = list(talk.say(at, piece[:1] == b"\1", piece[1:]))
        frames += [] if piece[:1] == b"\2" else made
    list(decode(frames))
    assert len(blanked(data)) == len(data)

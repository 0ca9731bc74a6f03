"""Datagrams: DHCP with all that is made of it, TFTP with a whole transfer, UDP in IPv4, neighbour discovery."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from itertools import count

from pixiecore_core.boot.classify import NotForUs, classify, might_netboot
from pixiecore_core.boot.offers import offer
from pixiecore_core.boot.paths import ServerAddress
from pixiecore_core.boot.route import Destination, Relays, Router
from pixiecore_core.boot.tftp_negotiation import Limits, negotiate, refusal
from pixiecore_core.boot.transfer import Transfer
from pixiecore_core.boot.variants import VariantTable
from pixiecore_core.engine.quiet_router import QuietRouter
from pixiecore_core.errors import WireError
from pixiecore_core.models import Stage
from pixiecore_core.wire import dhcp4, icmp6, syslog, tftp, udp4
from tests.fuzz.target import check_pace, target, text_of
from tests.golden import golden_datagrams
from tests.messages import HTTP_IPXE, REQUEST, architecture, message

_STAGES: tuple[Stage, ...] = ("dhcp", "pxe")
_SOURCE = ("192.0.2.77", 68)
_LINK = [IPv4Network("192.0.2.0/24")]
_RELAYS = Relays([IPv4Network("10.0.0.0/16")])
_VARIANTS = VariantTable()
_ROUTER = Router(_RELAYS)
_SERVER = ServerAddress(IPv4Address("192.0.2.2"))
_clock = count()

_DHCP = [
    *(datagram.data for datagram in golden_datagrams()),
    dhcp4.serialize(message(HTTP_IPXE)),
    dhcp4.serialize(message(architecture(7) | REQUEST, giaddr=IPv4Address("10.0.0.1"))),
    dhcp4.serialize(message(architecture(16) | {dhcp4.Option.RELAY_AGENT: b"\x01\x04eth0"})),
    dhcp4.serialize(message({dhcp4.Option.OVERLOAD: b"\x03"}, file=b"\x5d\x02\x00\x07\xff")),
]


@target(
    _DHCP, [dhcp4.MAGIC_COOKIE, b"PXEClient:Arch:00007", b"HTTPClient", b"iPXE", b"\x5d\x02\0\x07", b"\x34\x01\x03"]
)
def dhcp_message(data: bytes) -> None:
    """Parsed, classified, routed and answered; an answer goes only to those who asked, and is not much larger."""
    wanted = might_netboot(data)
    try:
        asked = dhcp4.parse(data)
    except WireError:
        return
    for stage in _STAGES:
        request = classify(asked, stage, "eth0", _LINK[0], relays=_RELAYS)
        if isinstance(request, NotForUs):
            continue
        assert wanted or asked.op != dhcp4.Op.BOOTREQUEST or request.machine.architecture is not None
        to = _ROUTER.destination(asked, stage, _SOURCE, _LINK, float(next(_clock)))
        if isinstance(to, Destination):
            assert to.ip in ("255.255.255.255", _SOURCE[0]) or IPv4Address(to.ip) in _RELAYS
        for variant in _VARIANTS.fitting(request):
            sent = dhcp4.serialize(offer(request, asked, _SERVER, "http://192.0.2.2/_/ipxe/TOKEN", variant))
            told = dhcp4.parse(sent)
            assert (told.op, told.xid, told.chaddr) == (dhcp4.Op.BOOTREPLY, asked.xid, asked.chaddr)
            assert len(sent) <= len(data) + dhcp4.MINIMUM_BYTES


@target([b"\x13\x01\x01\x21\x01\x01", b"\x06\x01\x08\xff"])
def dhcp_suboptions(data: bytes) -> None:
    """What is in options 43 and 175."""
    with suppress(WireError):
        dhcp4.suboptions(data)


def _request(*options: tuple[str, str], name: str = "52:54:00:12:34:56/efi-x64/snponly.efi") -> bytes:
    return tftp.serialize(tftp.ReadRequest(name, "octet", options))


_TFTP = [
    _request(),
    _request(("tsize", "0"), ("blksize", "1468"), ("windowsize", "4"), ("timeout", "1"), name="/autoexec.ipxe\xff"),
    tftp.serialize(tftp.WriteRequest("x", "netascii")),
    *map(tftp.serialize, (tftp.Data(1, b"x"), tftp.Ack(1), tftp.Error(8, "no"), tftp.OptionAck((("blksize", "8"),)))),
]


@target(
    _TFTP, [b"blksize\0", b"windowsize\0", b"tsize\0", b"timeout\0", b"octet\0", b"..", b"\\", b"65464\0", b"\xff\0"]
)
def tftp_packet(data: bytes) -> None:
    """Parsed, refused or negotiated; an OACK is hardly longer than what asked for it."""
    try:
        packet = tftp.parse(data)
    except WireError:
        return
    if not isinstance(packet, tftp.ReadRequest | tftp.WriteRequest):
        assert packet == tftp.OptionAck(()) or tftp.parse(tftp.serialize(packet)) == packet
        return
    refused = refusal(packet)
    if refused is not None:
        assert refused.message.isprintable()
        tftp.serialize(refused)
        return
    name = tftp.normalise_name(packet.name)
    assert not name.startswith("/")
    assert ".." not in name.split("/")
    agreed = negotiate(packet.options, 2**31, Limits())
    assert 8 <= agreed.blksize <= 1468
    assert 1 <= agreed.windowsize <= 64
    assert agreed.timeout is None or 1 <= agreed.timeout <= 255
    assert len(tftp.serialize(tftp.OptionAck(agreed.accepted))) < len(data) + 20


_FILE = bytes(range(256)) * 9
_KINDS = [(), (("blksize", "100"),), (("blksize", "100"), ("windowsize", "4")), (("windowsize", "64"), ("tsize", "0"))]


def _said(kind: int, *packets: tftp.Packet) -> bytes:
    """A conversation: before each datagram its length, and how many tenths of a second passed."""
    datagrams = map(tftp.serialize, packets)
    return bytes([kind]) + b"".join(bytes([len(data), 1]) + data for data in datagrams)


@target(
    [
        _said(0, *(tftp.Ack(number) for number in range(1, 6))),
        _said(1, *(tftp.Ack(number) for number in range(25))),
        _said(2, tftp.Ack(0), tftp.Ack(4), tftp.Ack(6), tftp.Ack(10), tftp.Ack(10)),
        _said(3, tftp.Ack(0), tftp.Error(0, "enough")),
    ],
    [b"\x04\x01\0\x04\0\x00", b"\x04\xff\0\x04\0\x01", b"\x04\x01\0\x04\xff\xff", b"\0\xff"],
)
def tftp_transfer(data: bytes) -> None:
    """A whole transfer: whatever the client says, it gets the file's bytes, no more than a window, and no end of it."""
    agreed = negotiate(_KINDS[data[0] % len(_KINDS)] if data else (), len(_FILE), Limits())
    sending = Transfer(len(_FILE), lambda offset, length: _FILE[offset : offset + length], agreed, 0.0)
    now, position = 0.0, 1
    sent = sending.start(now)
    while True:
        assert len(sent) <= (agreed.windowsize if sending.answered else 1)
        for packet in map(tftp.parse, sent):
            if isinstance(packet, tftp.Data):
                start = (packet.block - 1) * agreed.blksize
                assert packet.payload == _FILE[start : start + agreed.blksize]
        if sending.outcome is not None:
            assert sending.deadline is None
        if position + 2 > len(data):
            break
        length, tenths = data[position : position + 2]
        now += tenths / 10
        over = sending.outcome
        if sending.deadline is not None and sending.deadline <= now:
            sent = sending.expire(now)
        else:
            sent = sending.receive(data[position + 2 : position + 2 + length], now)
        assert not (over and sent), "it talks after its end"
        position += 2 + length


@target([udp4.serialize(udp4.UdpPacket(IPv4Address("192.0.2.1"), 68, IPv4Address("255.255.255.255"), 67, _DHCP[0]))])
def udp_packet(data: bytes) -> None:
    """UDP in IPv4."""
    try:
        packet = udp4.parse(data)
    except WireError:
        return
    assert packet.data in data
    assert udp4.parse(udp4.serialize(packet)) == packet


_QUIET = QuietRouter(lambda mac: mac.startswith("52:54:"))
_LINK_LOCAL = IPv6Address("fe80::5054:ff:fe12:3456")


@target(
    [icmp6.SOLICITATION, icmp6.SOLICITATION + b"\x01\x01\x52\x54\0\x12\x34\x56", icmp6.QUIET_ADVERTISEMENT],
    [b"\x85\0", b"\x86\0", b"\x01\x01", b"\x05\x01"],
)
def neighbour_discovery(data: bytes) -> None:
    """Read, and answered to none but machines under way, each once."""
    try:
        message = icmp6.parse(data)
    except WireError:
        return
    now = float(next(_clock))
    _QUIET.heard(message, _LINK_LOCAL, 1, now)
    answers = _QUIET.due(now + 1.0)
    assert len(answers) <= 1
    assert all(answer.mac.startswith("52:54:") and answer.address == _LINK_LOCAL for answer in answers)
    assert _QUIET.next_due() is None


@target(
    [
        b"<34>Oct 11 22:14:15 host su[1]: failed",
        b'<165>1 2003-10-11T22:14:15.003Z host app - ID47 [a@1 b="x\\"]" c="9"][p@1 d="e"] An event',
        b"<30>2026-11-26T11:13:10.123456+01:00 db1 cloud-init[812]: finished",
    ],
    [b"<191>", b"1 - - - - - ", b'[a b="', b"\\", b"]", b": ", b"\xef\xbb\xbf", b"9000 ", b"\n"],
)
def syslog_line(data: bytes) -> None:
    """A line of a booted system, and a connection with it: printable, and no longer than what came."""
    line = syslog.parse(data)
    assert line is None or (line.program + line.text).isprintable()
    stream = syslog.SyslogStream()
    lines = [*stream.feed(data), *stream.feed(data)]
    assert sum(map(len, lines)) <= 2 * len(data)
    check_pace(lambda text: syslog.parse(text.encode("utf-8", "surrogateescape")), text_of(data[:100]))

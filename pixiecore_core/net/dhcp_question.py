"""Asks a network who answers DHCP there, as a machine that boots would: DISCOVERs and never a REQUEST, so that no
server gives an address away. Needs CAP_NET_RAW; takes no port, and so hears beside a DHCP client of this host.

Servers on this host are not heard: their answers do not come in. Judges nothing.
"""

from __future__ import annotations

import os
import time
from ipaddress import IPv4Address

import gevent

from pixiecore_core.errors import WireError
from pixiecore_core.net.packet_socket import PacketSocket
from pixiecore_core.wire.dhcp4 import Dhcp4Message, MessageType, Op, Option, parse, serialize

SECONDS = 4.5
"""dnsmasq looks for 3 s whether an address is in use before it offers it, ISC dhcpd for one."""
_REPEATED = 1.5
_CLIENT_PORT, _SERVER_PORT = 68, 67
_EVERYBODY, _BROADCAST = "255.255.255.255", 0x8000
_MOST = 64

Answer = tuple[Dhcp4Message, IPv4Address]
"""What a server said, and the address it sent from."""


def discover(hardware: bytes, xid: int) -> Dhcp4Message:
    """What a UEFI machine asks (RFC 4578); by a broadcast flag, it is answered where we can hear it.

    :param hardware: six bytes
    """
    return Dhcp4Message(
        op=Op.BOOTREQUEST,
        xid=xid,
        chaddr=hardware,
        flags=_BROADCAST,
        options={
            Option.MESSAGE_TYPE: bytes([MessageType.DISCOVER]),
            Option.MAXIMUM_SIZE: (1472).to_bytes(2, "big"),
            55: bytes([1, 3, 6, 12, 15, 17, 43, 54, 60, 66, 67, 97, 175]),
            Option.CLIENT_UUID: bytes(11) + hardware,
            Option.NETWORK_INTERFACE: b"\x01\x03\x00",
            Option.CLIENT_ARCHITECTURE: b"\x00\x07",
            Option.VENDOR_CLASS: b"PXEClient:Arch:00007:UNDI:003000",
        },
    )


def ask(interface: int, seconds: float = SECONDS) -> list[Answer]:
    """The offers that come within *seconds*, in their order.

    :param interface: the kernel's index
    :raises OSError: a packet socket is not to be had, or the network refuses
    """
    # Locally administered, and of one machine (IEEE 802, section 8.2): it is nobody's.
    hardware = bytes([0x02]) + os.urandom(5)
    xid = int.from_bytes(os.urandom(4), "big")
    question = serialize(discover(hardware, xid))
    socket = PacketSocket(_CLIENT_PORT)
    answers: list[Answer] = []
    try:
        until = time.monotonic() + seconds
        due = 0.0
        while (now := time.monotonic()) < until and len(answers) < _MOST:
            if now >= due:
                socket.send(question, (_EVERYBODY, _SERVER_PORT), interface, IPv4Address(0))
                due = now + _REPEATED
            with gevent.Timeout(min(due, until) - now, False):  # type: ignore[arg-type]
                datagram = socket.receive()
                answer = _answer(datagram.data, xid, hardware)
                if datagram.interface == interface and answer is not None:
                    answers.append((answer, IPv4Address(datagram.source[0])))
    finally:
        socket.close()
    return answers


def _answer(data: bytes, xid: int, hardware: bytes) -> Dhcp4Message | None:
    try:
        message = parse(data)
    except WireError:
        return None
    is_ours = (message.op, message.xid, message.chaddr) == (Op.BOOTREPLY, xid, hardware)
    return message if is_ours and message.message_type == MessageType.OFFER else None

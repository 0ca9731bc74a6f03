"""A room of machines that are switched on at once: each walks a whole boot against a real server, no firmware needed.

They sit behind a DHCP relay, since a loopback device carries no broadcasts: the relay has a 127.x address of its own on
the server's DHCP port, and deals out the replies by xid. Every machine has an address of its own for the rest. A step
that goes wrong raises; nothing is ever asked twice, so nothing may be answered twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address

import gevent
from gevent import socket
from gevent.event import AsyncResult
from gevent.pool import Pool

from pixiecore_core.wire import dhcp4, tftp
from pixiecore_core.wire.dhcp4 import Dhcp4Message, MessageType, Op, Option

SERVER = "127.0.0.1"
RELAY = "127.0.0.2"
PATIENCE = 20.0
"""Seconds for one answer; far more than any firmware has."""
_BLKSIZE = 1428
_IPXE = {Option.USER_CLASS: b"iPXE", Option.IPXE: b"\x13\x01\x01\x21\x01\x01"}


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the server listens; 0 where it does not."""

    dhcp: int = 0
    pxe: int = 0
    tftp: int = 0
    http: int = 0


class Relay:
    """Passes requests on to the server, and replies to the one that waits for their xid."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._waiting: dict[int, AsyncResult[Dhcp4Message]] = {}
        self.unexpected: list[Dhcp4Message] = []
        """Replies that nobody waits for, such as a second one."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind((RELAY, port))
        self._greenlet = gevent.spawn(self._deal)

    def ask(self, request: Dhcp4Message) -> Dhcp4Message:
        """The server's reply to *request*."""
        waiting = self._waiting[request.xid] = AsyncResult()
        self._socket.sendto(dhcp4.serialize(request), (SERVER, self._port))
        return waiting.get(timeout=PATIENCE)

    def close(self) -> None:
        """Stop."""
        self._greenlet.kill()
        self._socket.close()

    def _deal(self) -> None:
        while True:
            reply = dhcp4.parse(self._socket.recv(2048))
            waiting = self._waiting.pop(reply.xid, None)
            if waiting is None:
                self.unexpected.append(reply)
            else:
                waiting.set(reply)


@dataclass(slots=True)
class Machine:
    """One machine. Even ones are BIOS, odd ones UEFI, which asks port 4011 as well."""

    number: int
    relay: Relay
    ports: Ports
    loader: bytes = field(default=b"", init=False, repr=False)
    files: list[bytes] = field(default_factory=list, init=False, repr=False)
    """What it fetched over HTTP: kernel and initrds."""

    @property
    def chaddr(self) -> bytes:
        """The address of its card."""
        return b"\x52\x54\x00" + self.number.to_bytes(3, "big")

    @property
    def uefi(self) -> bool:
        """Whether its firmware is UEFI."""
        return self.number % 2 == 1

    @property
    def address(self) -> str:
        """What the DHCP server gave it."""
        return str(IPv4Address("127.1.0.1") + self.number)

    def boot(self) -> None:
        """Walk the whole boot."""
        offer = self.relay.ask(self._request(1, MessageType.DISCOVER))
        assert offer.message_type == MessageType.OFFER
        if self.uefi:
            offer = self._ask_boot_server(self._request(2, MessageType.REQUEST))
        assert int(offer.yiaddr) == 0
        self.loader = self._fetch_loader(offer.file.decode())
        offer = self.relay.ask(self._request(3, MessageType.DISCOVER, _IPXE))
        url = (offer.file or offer.options[Option.BOOT_FILE].rstrip(b"\0")).decode()
        (asking,) = re.findall(r"^chain --replace (\S+) \|\| goto failed$", self._get(url).decode(), re.MULTILINE)
        script = self._get(self._expand(asking)).decode()
        urls = re.findall(r"^(?:kernel|initrd) .*(http://\S+)", script, re.MULTILINE)
        self.files = [self._get(url) for url in urls]
        (booting,) = re.findall(r"^imgfetch .*(http://\S+)", script, re.MULTILINE)
        self._get(booting)

    def _request(self, step: int, kind: MessageType, options: dict[int, bytes] | None = None) -> Dhcp4Message:
        architecture = 7 if self.uefi else 0
        return Dhcp4Message(
            op=Op.BOOTREQUEST,
            xid=step << 24 | self.number,
            chaddr=self.chaddr,
            giaddr=IPv4Address(RELAY) if kind is MessageType.DISCOVER else dhcp4.NO_ADDRESS,
            options={
                Option.MESSAGE_TYPE: bytes([kind]),
                Option.CLIENT_UUID: b"\0" + bytes(10) + self.chaddr,
                Option.CLIENT_ARCHITECTURE: architecture.to_bytes(2, "big"),
                Option.VENDOR_CLASS: b"PXEClient:Arch:%05d:UNDI:003016" % architecture,
                **(options or {}),
            },
        )

    def _ask_boot_server(self, request: Dhcp4Message) -> Dhcp4Message:
        with self._udp() as sock:
            sock.sendto(dhcp4.serialize(request), (SERVER, self.ports.pxe))
            reply = dhcp4.parse(sock.recv(2048))
        assert (reply.xid, reply.message_type) == (request.xid, MessageType.ACK)
        return reply

    def _fetch_loader(self, name: str) -> bytes:
        options = (("tsize", "0"), ("blksize", str(_BLKSIZE)))
        blocks: list[bytes] = []
        with self._udp() as sock:
            sock.sendto(tftp.serialize(tftp.ReadRequest(name, "octet", options)), (SERVER, self.ports.tftp))
            data, server = sock.recvfrom(2048)
            granted = tftp.parse(data)
            assert isinstance(granted, tftp.OptionAck), granted
            sock.connect(server)
            sock.send(tftp.serialize(tftp.Ack(0)))
            while not blocks or len(blocks[-1]) == _BLKSIZE:
                block = tftp.parse(sock.recv(2048))
                assert isinstance(block, tftp.Data), block
                if block.block == len(blocks) + 1:  # else the server said again what is here already
                    blocks.append(block.payload)
                sock.send(tftp.serialize(tftp.Ack(len(blocks))))
        return b"".join(blocks)

    def _expand(self, url: str) -> str:
        """The URL as iPXE asks for it, its own settings filled in."""
        settings = {
            "net0/mac": self.chaddr.hex(":"),
            "uuid": "",
            "serial:uristring": f"S{self.number}",
            "manufacturer:uristring": "Storm%20%26%20Co.",
            "netX/chip:uristring": "SNP",
            "netX/busid": "01:1a:f4:10:00",
            "netX/ip": "192.0.2.100",
            "version:uristring": "1.0.0",
            "buildarch": "x86_64" if self.uefi else "i386",
            "platform": "efi" if self.uefi else "pcbios",
        }
        return re.sub(r"\$\{([^}]*)\}", lambda match: settings.get(match[1], ""), url)

    def _get(self, url: str) -> bytes:
        """The body of *url*; its length must be what was promised."""
        authority, _, path = url.removeprefix("http://").partition("/")
        assert authority == f"{SERVER}:{self.ports.http}"
        with socket.create_connection((SERVER, self.ports.http), PATIENCE, (self.address, 0)) as sock:
            sock.sendall(f"GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n".encode())
            answer = bytearray()
            while part := sock.recv(256 << 10):
                answer += part
        head, _, body = bytes(answer).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        assert f"Content-Length: {len(body)}".encode() in head, head
        return body

    def _udp(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((self.address, 0))
        sock.settimeout(PATIENCE)
        return sock


def storm(ports: Ports, machines: int) -> tuple[list[Machine], list[Dhcp4Message]]:
    """Boot so many machines at once; the machines, and every reply that nobody had asked for.

    :raises Exception: whatever went wrong first
    """
    relay = Relay(ports.dhcp)
    try:
        room = [Machine(number, relay, ports) for number in range(machines)]
        pool = Pool()
        boots = [pool.spawn(machine.boot) for machine in room]
        gevent.joinall(boots, raise_error=True)
        gevent.sleep(0.1)  # for a reply too many
        return room, relay.unexpected
    finally:
        relay.close()

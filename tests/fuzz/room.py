"""A room of machines before one assembled server, for the state machine of interleaving.py: what each may see, and how
much the server may remember, both checked here.

DHCP goes through a socket that only notes what is sent; TFTP and HTTP through the real servers on loopback, where each
client has an address of its own. Every bound is set so low that a short run exceeds what it allows.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import gevent
from gevent import socket

from pixiecore_core import BootFile, BootSpec, FileRef, Machine, hookimpl
from pixiecore_core.assembly import Parts, assemble
from pixiecore_core.boot.paths import FAILED_PATH
from pixiecore_core.boot.tftp_negotiation import Limits
from pixiecore_core.engine import attempts as memory
from pixiecore_core.errors import WireError
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.net import answering
from pixiecore_core.net import http as http_module
from pixiecore_core.net import tftp as tftp_module
from pixiecore_core.net import tftp_transfers as transfers_module
from pixiecore_core.net.answering import Answerer, Place
from pixiecore_core.net.boot_pages import BootPages
from pixiecore_core.net.dhcp_socket import Datagram
from pixiecore_core.net.http import HttpServer
from pixiecore_core.net.interfaces import Interface, Interfaces
from pixiecore_core.net.site import Site
from pixiecore_core.net.tftp import TftpServer
from pixiecore_core.net.tftp_files import TftpFiles
from pixiecore_core.observe.log import configure
from pixiecore_core.wire import dhcp4, tftp
from pixiecore_core.wire.dhcp4 import Dhcp4Message, MessageType, Op, Option
from tests.messages import HTTP_IPXE

MACHINES, FACTS, FACTS_OF_ONE = 5, 20, 8
IN_FLIGHT = 4
TRANSFERS, TRANSFERS_OF_ONE, UNANSWERED, UNANSWERED_OF_ONE = 4, 2, 4, 2
CONNECTIONS, CONNECTIONS_OF_ONE = 16, 3
ETH0 = Interface(2, "eth0", (IPv4Address("127.0.0.1"),), (IPv4Network("127.0.0.0/8"),))
SERVER = "127.0.0.1"
PATIENCE = 5.0
"""Seconds for an answer that is due."""
_BLKSIZE = 512
_URL = re.compile(r"http://127\.0\.0\.1:\d+(/\S+)")


def kernel_of(mac: str) -> bytes:
    """What a machine, and no other, boots."""
    return f"kernel of {mac}.".encode() * 4000


def loader_of(mac: str, loader: str) -> bytes:
    """What a machine's firmware, and no other's, fetches."""
    return f"{loader} for {mac}.".encode() * 60


class _Booter:
    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec:
        gevent.sleep(0)  # so that others come in between
        return BootSpec(
            kernel=FileRef(location=f"room:{machine.mac}"), cmdline=f"of={machine.mac}", message=machine.serial
        )

    @hookimpl
    def open_boot_file(self, ref: FileRef) -> BootFile:
        gevent.sleep(0)
        return BootFile.from_bytes("kernel", kernel_of(ref.location.removeprefix("room:")))

    @hookimpl
    def provide_bootloader(self, loader: str, machine: Machine) -> BootFile:
        gevent.sleep(0)
        return BootFile.from_bytes(loader, loader_of(machine.mac, loader))


@dataclass
class Client:
    """One machine; it may call itself by another MAC address at any time."""

    number: int
    mac: str = ""
    asked: set[tuple[int, str, str]] = field(default_factory=set)
    """The xid, the port and the MAC address of each request."""
    scripts: dict[str, str] = field(default_factory=dict)
    """Paths of scripts that it was offered, and for which MAC address."""
    files: dict[str, str] = field(default_factory=dict)
    """Paths of what its scripts named, the same."""
    downloads: list[Download] = field(default_factory=list)
    connections: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mac = f"52:54:00:00:00:{self.number:02x}"

    @property
    def address(self) -> str:
        """Where it asks from."""
        return f"127.1.0.{self.number + 1}"


@dataclass
class Download:
    """A TFTP transfer, from the client's side."""

    wanted: bytes
    socket: Any
    server: tuple[str, int] | None = None
    acknowledged: int = 0
    over: bool = False


class Room:
    """The server and its clients."""

    port = 67
    """Where it is asked by DHCP, as a socket has it."""

    def __init__(self, clients: int) -> None:
        self.clients = [Client(number) for number in range(clients)]
        self.sent: list[tuple[Dhcp4Message, tuple[str, int]]] = []
        self.unanswered: set[tuple[str, str]] = set()
        """MAC address and port of requests that have not been answered yet."""
        self._busy = 0.0
        self.log = io.StringIO()
        self.errors: list[str] = []
        parts = Parts(
            register=lambda manager: manager.register(_Booter(), "room"),
            find=lambda table: FoundLoaders(table, {one.name: Path("/x") for one in table.loaders()}, Path("/data")),
        )
        core = self.core = assemble(configure(stream=self.log), parts)
        core.attempts._most_machines, core.attempts._most_facts = MACHINES, FACTS
        files = TftpFiles(core.first_stage, core.bus)
        self.tftp = TftpServer(
            SERVER,
            0,
            open_file=files.open,
            on_report=files.report,
            max_transfers=TRANSFERS,
            share_of=lambda address: TRANSFERS_OF_ONE,
            limits=Limits(),
            on_drop=partial(core.bus.drop, "TFTP"),
            on_datagram=core.frames.udp,
        )
        pages = BootPages(core.scripts, core.first_stage, core.urls, core.bus)
        site = Site(pages.pages(), pages.folders())
        self.http = HttpServer(
            SERVER,
            0,
            site,
            per_client=CONNECTIONS_OF_ONE,
            most=CONNECTIONS,
            on_drop=partial(core.bus.drop, "HTTP"),
            on_head=core.frames.tcp,
        )
        self.http.bind()
        place = Place(Interfaces(adapters=lambda: [ETH0]), self.http.port)
        self.answerer = Answerer(core.decider, core.adapter, core.names, core.bus, place, core.frames)
        self.tftp.start()
        self.http.start()

    # What the server does for DHCP when it sends; see ReplySocket.
    def send(self, data: bytes, destination: tuple[str, int], interface: int, source: IPv4Address) -> None:
        self.sent.append((dhcp4.parse(data), destination))

    def close(self) -> None:
        """Everybody goes; then nothing may be left."""
        for client in self.clients:
            for download in client.downloads:
                download.socket.close()
            for connection in client.connections:
                connection.close()
        self.answerer.wait(PATIENCE)
        self.answerer.stop()
        self.tftp.stop(PATIENCE)
        assert self.tftp.transfers == 0
        transfers = self.tftp._transfers
        counts = self.tftp._opening_of, transfers._running_of, transfers._unanswered_of
        assert [of_one for of_one in counts if of_one] == []
        assert not self.answerer._asked
        with gevent.Timeout(PATIENCE):
            while len(self.http._server.connections):  # type: ignore[union-attr]
                gevent.sleep(0.01)
        self.http.stop(PATIENCE)
        assert self.errors == []

    # DHCP

    def ask(self, client: Client, stage: str, xid: int, options: dict[int, bytes], ipxe: bool) -> None:
        """Send a request to port 67 or 4011; the answer may come at any later time."""
        kind = MessageType.DISCOVER if stage == "dhcp" else MessageType.REQUEST
        base = {
            Option.MESSAGE_TYPE: bytes([kind]),
            Option.VENDOR_CLASS: b"PXEClient",
            Option.CLIENT_ARCHITECTURE: b"\0\x07" if client.number % 2 else b"\0\0",
            **(HTTP_IPXE if ipxe else {}),
        }
        chaddr = bytes.fromhex(client.mac.replace(":", ""))
        message = Dhcp4Message(op=Op.BOOTREQUEST, xid=xid, chaddr=chaddr, options=base | options)
        client.asked.add((xid, stage, client.mac))
        self.unanswered.add((client.mac, stage))
        self.receive(dhcp4.serialize(message), stage, client)

    def receive(self, data: bytes, stage: str, client: Client) -> None:
        """A datagram from *client*, whatever is in it."""
        source = ("0.0.0.0", 68) if stage == "dhcp" else (client.address, 4011)
        to = IPv4Address("255.255.255.255" if stage == "dhcp" else SERVER)
        self.answerer.receive(self, Datagram(data, source, ETH0.index, to), stage)  # type: ignore[arg-type]

    def hear_all(self) -> None:
        """Let every answer be heard that is due: everybody has had one, unless there were too many at once."""
        self.answerer.wait(PATIENCE)
        self.hear()
        busy = sum(self.core.metrics.dropped(port, "busy") for port in ("DHCP", "PXE"))
        assert not self.unanswered or busy > self._busy, f"no answer for {self.unanswered}"
        self._busy = busy
        self.unanswered.clear()

    def hear(self) -> None:
        """Let those answers be heard that have been sent by now: each must be somebody's, and name nobody else."""
        heard, self.sent = self.sent, []
        for reply, destination in heard:
            mac = reply.chaddr.hex(":")
            stage = "dhcp" if reply.message_type == MessageType.OFFER else "pxe"
            askers = [one for one in self.clients if (reply.xid, stage, mac) in one.asked]
            assert askers, "an answer that nobody had asked for"
            self.unanswered.discard((mac, stage))
            if stage == "pxe":
                askers = [one for one in askers if one.address == destination[0]]
                assert askers, "an answer that went to another machine"
            else:
                assert destination[0] == "255.255.255.255"
            self._take_offer(reply, mac, askers[-1])

    def _take_offer(self, reply: Dhcp4Message, mac: str, client: Client) -> None:
        name = (reply.file or reply.options[Option.BOOT_FILE].rstrip(b"\0")).decode()
        if not name.startswith("http"):
            assert name.startswith(f"{mac}/"), "the offer names another machine's folder"
            return
        (path,) = _URL.findall(name)
        origin = self.core.urls.sealer.open_origin(path.rsplit("/", 1)[-1])
        assert origin is not None
        assert origin.mac == mac, "the offer's URL is another machine's"
        client.scripts[path] = mac

    # HTTP

    def get(self, client: Client, path: str, most: int | None = None, headers: str = "") -> tuple[int, bytes]:
        """Status and body of a page, or their beginning where the client hangs up after *most* bytes; 0 if it was
        turned away.
        """
        try:
            with socket.create_connection((SERVER, self.http.port), PATIENCE, (client.address, 0)) as made:
                made.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode())
                answer = bytearray()
                while (most is None or len(answer) < most) and (part := made.recv(16384)):
                    answer += part
        except ConnectionError:
            return 0, b""
        head, _, body = bytes(answer).partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]) if head else 0, body

    def fetch_script(self, client: Client, path: str) -> None:
        """Follow the URL that iPXE was offered, and its script, in which all is this machine's."""
        mac = client.scripts[path]
        status, asking = self.get(client, path)
        if status != 200:
            return self._turned_away(status)
        own, failed = _URL.findall(asking.decode())
        told = re.search(r"name=([\w-]+)", failed)
        assert told is not None
        assert self.core.urls.sealer.open_page(told[1], FAILED_PATH, 0.0) == mac
        own = own.replace("${net0/mac}", mac).replace("${buildarch}", "x86_64").replace("${platform}", "efi")
        own = own.replace("${serial:uristring}", f"serial-of-{mac}")
        status, script = self.get(client, re.sub(r"\$\{[^}]*\}", "", own))
        if status != 200:
            return self._turned_away(status)
        text = script.decode()
        assert f"of={mac}" in text
        assert f"echo serial-of-{mac}" in text
        for url in _URL.findall(text):
            token = re.search(r"name=([\w-]+)", url)
            assert token is not None
            sealer, path = self.core.urls.sealer, urlsplit(url).path
            sealed = sealer.open(token[1], 0.0)
            owner = sealed.mac if sealed is not None else sealer.open_page(token[1], path, 0.0)
            assert owner == mac, "a URL in the script is another machine's"
            if path != FAILED_PATH:
                client.files[url] = mac
        return None

    def fetch_file(self, client: Client, path: str, most: int | None, part: tuple[int, int] | None) -> None:
        """A kernel, part of it, or as much as the client waits for."""
        wanted = kernel_of(client.files[path])
        headers = ""
        if part is not None:
            first, last = min(part), max(part)
            headers, wanted = f"Range: bytes={first}-{last}\r\n", wanted[first : last + 1]
        status, body = self.get(client, path, most, headers)
        if "/booting" in path:
            assert status in (0, 200)
        elif status not in (200, 206):
            self._turned_away(status)
        else:
            assert wanted.startswith(body) if most is not None else wanted == body, "bytes of another file"

    def _turned_away(self, status: int) -> None:
        assert status in (0, 503), f"status {status}"

    def hold_connection(self, client: Client, said: bytes) -> None:
        """Connect, say something, and stay."""
        with suppress(ConnectionError):
            made = socket.create_connection((SERVER, self.http.port), PATIENCE, (client.address, 0))
            client.connections.append(made)
            made.sendall(said)

    # TFTP

    def begin_download(self, client: Client, mac: str, loader: str, options: tuple[tuple[str, str], ...]) -> None:
        """Ask for a file in the folder of *mac*."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((client.address, 0))
        request = tftp.ReadRequest(f"{mac}/{loader}", "octet", options)
        made.sendto(tftp.serialize(request), (SERVER, self.tftp.port))
        client.downloads.append(Download(loader_of(mac, loader.split("/")[0]), made))

    def go_on(self, download: Download, acknowledges: bool = True) -> None:
        """Hear what has come of a download and acknowledge it; every block must be of the file that was asked for."""
        gevent.sleep(0.001)
        while not download.over and (got := self._datagram(download)) is not None:
            data, server = got
            packet = tftp.parse(data)
            if download.server is None:
                download.server = server
            assert server in (download.server, (SERVER, self.tftp.port)), "a third port"
            if isinstance(packet, tftp.Error):
                download.over = True
            elif isinstance(packet, tftp.OptionAck):
                self._say(download, tftp.Ack(0), acknowledges)
            else:
                assert isinstance(packet, tftp.Data)
                start = (packet.block - 1) * _BLKSIZE
                assert packet.payload == download.wanted[start : start + _BLKSIZE], "a block of another file"
                download.acknowledged = max(download.acknowledged, packet.block)
                self._say(download, tftp.Ack(packet.block), acknowledges)
                download.over = len(packet.payload) < _BLKSIZE

    def _datagram(self, download: Download) -> tuple[bytes, tuple[str, int]] | None:
        download.socket.setblocking(False)
        try:
            return download.socket.recvfrom(2048)  # type: ignore[no-any-return]
        except OSError:
            return None

    def _say(self, download: Download, packet: tftp.Packet, acknowledges: bool) -> None:
        if acknowledges and download.server is not None:
            with suppress(OSError):
                download.socket.sendto(tftp.serialize(packet), download.server)
                gevent.sleep(0.001)

    def forge(self, client: Client, data: bytes, ports: list[int]) -> None:
        """Say *data* on ports that others have, or had."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
            made.bind((client.address, 0))
            for port in ports:
                with suppress(OSError):
                    made.sendto(data, (SERVER, port))
            gevent.sleep(0.001)
            made.setblocking(False)
            with suppress(OSError):
                while True:
                    answer = made.recv(2048)
                    with suppress(WireError):
                        packet = tftp.parse(answer)
                        # It may ask for a file itself, of which it gets what anybody gets.
                        assert isinstance(packet, tftp.Error | tftp.OptionAck | tftp.Data)
                        assert not isinstance(packet, tftp.Data) or packet.block == 1

    # Memory

    def check_bounds(self) -> None:
        """Nothing holds more than it may."""
        attempts, transfers = self.core.attempts, self.tftp._transfers
        assert len(attempts) <= MACHINES
        known = [attempts.latest(mac) for mac in attempts.machines()]
        facts = [len(one.facts) for one in known if one is not None]
        assert sum(facts) <= FACTS
        assert max(facts, default=0) <= FACTS_OF_ONE
        assert all(len(one.late or ()) <= 8 for one in known if one is not None)
        assert len(self.answerer._asked) <= IN_FLIGHT
        assert len(self.answerer._workers._all) <= IN_FLIGHT + 64
        for rations in (self.answerer._router._near_relays, self.answerer._router._far_relays):
            assert len(rations._by_name) <= 256
        assert len(transfers.unanswered) <= UNANSWERED
        assert len(transfers.running) <= TRANSFERS
        assert len(self.tftp._opening) <= TRANSFERS
        for of_one, every, most in (
            (transfers._unanswered_of, transfers.unanswered, UNANSWERED_OF_ONE),
            (transfers._running_of, transfers.running, TRANSFERS_OF_ONE),
            (self.tftp._opening_of, self.tftp._opening, TRANSFERS_OF_ONE),
        ):
            assert max(of_one.values(), default=0) <= most
            assert of_one.total() >= len(every)
        assert self.tftp.transfers <= 2 * TRANSFERS + UNANSWERED + len(self.tftp._greenlets)
        connections = self.http._server.connections  # type: ignore[union-attr]
        assert len(connections) <= CONNECTIONS
        assert max((one.count for one in connections._clients.values()), default=0) <= CONNECTIONS_OF_ONE
        assert sum(one.count for one in connections._clients.values()) == len(connections)


@contextmanager
def small_bounds() -> Iterator[None]:
    """While inside, rooms have bounds that a few machines reach."""
    with ExitStack() as stack:
        for module, name, value in (
            (memory, "FACTS_OF_ONE", FACTS_OF_ONE),
            (answering, "IN_FLIGHT", IN_FLIGHT),
            (tftp_module, "_most_unanswered", lambda: UNANSWERED),
            (transfers_module, "UNANSWERED_OF_ONE", UNANSWERED_OF_ONE),
            (http_module, "STALL_SECONDS", 2.0),
        ):
            stack.enter_context(patch.object(module, name, value))
        yield


@contextmanager
def noticing_errors(room: Callable[[], Room | None]) -> Iterator[None]:
    """While inside, whatever a greenlet raises is noted, and not only printed."""
    hub = gevent.get_hub()
    before = hub.handle_error

    def note(context: object, kind: Any, value: Any, traceback: Any) -> None:
        made = room()
        if made is not None and not issubclass(kind, hub.NOT_ERROR):
            made.errors.append(f"{context!r}: {kind.__name__}: {value}")
        before(context, kind, value, traceback)

    with patch.object(hub, "handle_error", note):
        yield

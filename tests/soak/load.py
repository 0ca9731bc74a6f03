"""What the soaked server has to bear: machines that boot, and everybody else, each at a rate and so many at once.

Honest boots are checked byte by byte by tests/net/storm.py's machines, and one that goes wrong ends the soak. The rest
only causes trouble. Sends to loopback alone.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from random import Random

import gevent
from gevent import socket
from gevent.pool import Pool

from pixiecore_core.wire import dhcp4, tftp
from pixiecore_core.wire.dhcp4 import Dhcp4Message, Option
from tests.fuzz.mutating import mutated
from tests.golden import golden_datagrams
from tests.messages import HTTP_IPXE, message
from tests.net.storm import SERVER, Machine, Ports, Relay
from tests.soak.upstream import FLAWED_FROM

OTHER_RELAY = "127.0.0.3"
_HTTP_SEEDS = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /_/ipxe?mac=52:54:00:12:34:56&arch=x86_64&platform=efi HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /once/done HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    b"GET /_/file?name=AAAA HTTP/1.1\r\nHost: x\r\nRange: bytes=0-\r\n\r\n",
]
_TFTP_SEEDS = [
    tftp.serialize(tftp.ReadRequest("52:54:00:00:00:01/bios/undionly.kpxe", "octet", (("tsize", "0"),))),
    tftp.serialize(tftp.Ack(1)),
    tftp.serialize(tftp.Error(0, "x")),
]
_DHCP_SEEDS = [datagram.data for datagram in golden_datagrams()]


class _Noting(Machine):
    """A machine that tells the URLs of its files."""

    urls: deque[str]

    def _get(self, url: str) -> bytes:
        if "/_/file" in url:
            self.urls.append(url)
        return super()._get(url)


@dataclass
class Load:
    """All of it.

    :param server: process of the server, for its signals
    """

    ports: Ports
    server: int
    urls: deque[str] = field(default_factory=lambda: deque(maxlen=100))
    done: Counter[str] = field(default_factory=Counter)
    """How often each was done."""

    def __post_init__(self) -> None:
        self._random = Random(1)
        self._numbers = itertools.count(1)
        self._made_up = itertools.count(1)
        self._relay = Relay(self.ports.dhcp)
        self._other_relay = self._udp(OTHER_RELAY, self.ports.dhcp)
        self._other_relay.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # nobody reads what it is answered
        self._greenlets: list[gevent.Greenlet[[], None]] = []
        self.failure: BaseException | None = None
        """Why a boot went wrong that must not."""

    def fill(self, boots: int, made_up: int) -> None:
        """As many, as fast as it goes: so that what remembers so many is full before anything is measured."""
        pool = Pool(30)
        for number in range(boots):
            pool.spawn(self._guarded, self.boot)
            for _ in range(-(-made_up // boots)):
                self.new_mac()
            if self.failure is not None:
                break
            if number % 20 == 0:
                pool.spawn(self._guarded, self.boot_with_a_flaw)
        pool.join()

    def start(self) -> None:
        """Cause all troubles from now on."""
        for per_second, most, trouble in (
            (4.0, 20, self.boot),
            (0.2, 4, self.boot_with_a_flaw),
            (1.0, 2, self.boot_again),
            (4.0, 4, self.new_mac),
            (0.5, 4, self.be_held),
            (20.0, 4, self.junk),
            (2.0, 6, self.http_junk),
            (1.0, 10, self.leave_tftp),
            (2.0, 6, self.leave_http),
            (0.2, 8, self.stall),
            (0.15, 1, self.reload),
            (0.1, 1, self.look),
        ):
            self._greenlets.append(gevent.spawn(self._repeat, per_second, Pool(most), trouble))

    def stop(self) -> None:
        """End all."""
        gevent.killall(self._greenlets)
        self._relay.close()
        self._other_relay.close()

    def _repeat(self, per_second: float, pool: Pool, trouble: Callable[[], None]) -> None:
        try:
            while self.failure is None:
                gevent.sleep(self._random.uniform(0.5, 1.5) / per_second)
                pool.spawn(self._guarded, trouble)  # waits while there are too many
        finally:
            pool.kill()

    def _guarded(self, trouble: Callable[[], None]) -> None:
        try:
            self.done[trouble.__name__] += 1
            trouble()
        except Exception as error:
            if trouble == self.boot:
                self.failure = self.failure or error
            elif not isinstance(error, OSError | AssertionError | gevent.Timeout):
                raise

    def boot(self) -> None:
        """A new machine boots."""
        machine = _Noting(next(self._numbers), self._relay, self.ports)
        machine.urls = self.urls
        machine.boot()
        assert len(machine.files) == 2
        self._relay.unexpected.clear()

    def boot_with_a_flaw(self) -> None:
        """One whose kernel is slow, breaks off or is not there."""
        machine = Machine(FLAWED_FROM + next(self._numbers), self._relay, self.ports)
        with gevent.Timeout(20, False):  # type: ignore[arg-type]
            machine.boot()

    def boot_again(self) -> None:
        """One that has booted, and is left to its disk: it hears nothing."""
        chaddr = b"\x52\x54\x00" + self._random.randint(1, 1000).to_bytes(3, "big")
        self._discover(chaddr, HTTP_IPXE)

    def new_mac(self) -> None:
        """One that nobody has listed."""
        self._discover(b"\x52\x55" + next(self._made_up).to_bytes(4, "big"), {})

    def be_held(self) -> None:
        """One that nobody has listed asks for its script, and is told to wait."""
        mac = (b"\x52\x55" + self._random.randint(1, 100_000).to_bytes(4, "big")).hex(":")
        answer = self._http(f"GET /_/ipxe?mac={mac}&arch=x86_64&platform=efi HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert b" 503 " in answer[:20]

    def junk(self) -> None:
        """On all ports of datagrams."""
        for port, seeds in (
            (self.ports.dhcp, _DHCP_SEEDS),
            (self.ports.pxe, _DHCP_SEEDS),
            (self.ports.tftp, _TFTP_SEEDS),
        ):
            with self._udp(self._somebody()) as sock:
                sock.sendto(mutated(self._random, seeds)[:60_000], (SERVER, port))

    def http_junk(self) -> None:
        """Over HTTP: what is no request, or asks for what is not there."""
        self._http(mutated(self._random, _HTTP_SEEDS), patience=0.5)

    def leave_tftp(self) -> None:
        """A transfer whose client goes away: at once, or after a silence."""
        with self._udp(self._somebody()) as sock:
            options = (("blksize", "512"), ("windowsize", str(self._random.choice((1, 16)))))
            name = "52:54:00:00:00:01/efi-x64/snponly.efi"
            sock.sendto(tftp.serialize(tftp.ReadRequest(name, "octet", options)), (SERVER, self.ports.tftp))
            for block in range(self._random.randint(0, 5)):
                _, server = sock.recvfrom(2048)
                sock.sendto(tftp.serialize(tftp.Ack(block)), server)
            gevent.sleep(self._random.choice((0, 0, 3)))

    def leave_http(self) -> None:
        """A download whose client goes away in the middle of it, or in the middle of its request."""
        if self.urls:
            request = self._request(self._random.choice(self.urls))
            self._http(
                request[: self._random.choice((10, 60, len(request)))], most=self._random.choice((0, 1000, 50_000))
            )

    def stall(self) -> None:
        """A download that is not read for a while, some longer than the server waits."""
        if self.urls:
            with self._tcp(small=True) as sock:
                sock.sendall(self._request(self._random.choice(self.urls)))
                gevent.sleep(self._random.choice((5, 20, 70)))

    def reload(self) -> None:
        """SIGHUP."""
        os.kill(self.server, signal.SIGHUP)

    def look(self) -> None:
        """Somebody has the status page open, and Prometheus comes by."""
        for path in ("/", "/_/status?machines=200", "/_/metrics"):
            self._http(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())

    def _discover(self, chaddr: bytes, options: dict[int, bytes]) -> None:
        asked: Dhcp4Message = message(options, chaddr=chaddr, xid=0xFF000000, giaddr=IPv4Address(OTHER_RELAY))
        data = dhcp4.serialize(asked)
        assert Option.MESSAGE_TYPE in asked.options
        self._other_relay.sendto(data, (SERVER, self.ports.dhcp))

    def _http(self, data: bytes, most: int = 1 << 30, patience: float = 5.0) -> bytes:
        """What is answered, up to so many bytes."""
        received = bytearray()
        with suppress(OSError), self._tcp() as sock:
            sock.settimeout(patience)
            sock.sendall(data)
            while len(received) < most and (part := sock.recv(65536)):
                received += part
                if re.match(rb"HTTP/1.1 \d+ [^\r]*\r\n(?:.*\r\n)*Content-Length: 0\r\n", received):
                    break
                if most == 1 << 30 and b"\r\n\r\n" in received and b"Connection: close" not in data:
                    break
        return bytes(received)

    def _request(self, url: str) -> bytes:
        return f"GET /{url.split('/', 3)[3]} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()

    def _tcp(self, small: bool = False) -> socket.socket:
        sock = socket.socket()
        if small:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(5)
        sock.bind((self._somebody(), 0))
        sock.connect((SERVER, self.ports.http))
        return sock

    def _udp(self, address: str, port: int = 0) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((address, port))
        sock.settimeout(2)
        return sock

    def _somebody(self) -> str:
        return f"127.9.{self._random.randint(0, 250)}.{self._random.randint(1, 250)}"

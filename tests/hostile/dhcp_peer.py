"""What a neighbour says to the DHCP ports: messages that would have the answer sent to somebody else, and junk.

Counts what a server sends where, whoever's server it is.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from threading import Event, Thread

from pixiecore_core.wire.dhcp4 import Op, parse, serialize
from pixiecore_core.wire.udp4 import UdpPacket
from tests.hostile.peer import Peer
from tests.lab.network import LINK, NEIGHBOUR_ADDRESS, SERVER_ADDRESS, Network, Process
from tests.messages import REQUEST, message

BROADCAST = "255.255.255.255"
ME = (NEIGHBOUR_ADDRESS, 67)
NO_HOSTS = ("192.0.2.255", "192.0.2.0", "10.9.255.255", "224.0.0.1", "239.255.255.250", "127.0.0.1", "127.0.0.53")
_numbers = itertools.count(1)

Forged = tuple[bytes, tuple[str, int], tuple[str, int]]
"""A message, the source that it claims, and where it goes."""


def asked(port: int = 67, source: tuple[str, int] = ME, **fields: str) -> Forged:
    """A DISCOVER on 67 or a REQUEST on 4011, from a machine of its own."""
    number = next(_numbers)
    mac = b"\x52\x54\x00" + number.to_bytes(3, "big")
    addresses = {name: IPv4Address(address) for name, address in fields.items()}
    options = REQUEST if port == 4011 else {}
    data = serialize(message(options, xid=number, chaddr=mac, **addresses))
    return data, source, (SERVER_ADDRESS if port == 4011 else BROADCAST, port)


def families() -> dict[str, list[Forged]]:
    """Twenty of each way to have an answer sent to somebody else."""
    odd = itertools.cycle(NO_HOSTS)
    return {
        "giaddr of another network": [asked(giaddr=f"10.9.{n}.1") for n in range(20)],
        "giaddr that is no host": [asked(giaddr=next(odd)) for _ in range(20)],
        "ciaddr": [asked(ciaddr=f"10.9.{n}.1" if n % 2 else next(odd)) for n in range(20)],
        "giaddr on our own network": [asked(giaddr=f"192.0.2.{100 + n}") for n in range(20)],
        "source on 4011": [asked(4011, (f"10.9.{n}.1", 4011)) for n in range(20)],
    }


def xids(datagrams: list[UdpPacket]) -> Iterator[int]:
    for datagram in datagrams:
        try:
            reply = parse(datagram.data)
        except ValueError:
            continue
        if reply.op == Op.BOOTREPLY:
            yield reply.xid


def reflected(wire: Network, forged: list[Forged]) -> int:
    """How many of these had the server send something elsewhere than back or to everyone on this link."""
    with Peer(wire.dhcp, LINK) as attacker, Peer(wire.srv, "lo") as loopback:
        for one in forged:
            attacker.send(*one)
        out = [seen for seen in attacker.heard() if str(seen.destination) not in (BROADCAST, NEIGHBOUR_ADDRESS)]
        return len({*xids(out), *xids(loopback.heard())})


def attack(wire: Network) -> dict[str, int]:
    return {name: reflected(wire, forged) for name, forged in families().items()}


def honest_are_answered(wire: Network) -> bool:
    """A machine on the link on both ports, and one behind the relay that is named."""
    with Peer(wire.dhcp, LINK) as client:
        for one in (asked(source=("0.0.0.0", 68)), asked(4011, (NEIGHBOUR_ADDRESS, 4011)), asked(giaddr="10.5.0.77")):
            client.send(*one)
        answers = {str(seen.destination) for seen in client.heard() if seen.source_port in (67, 4011)}
        return answers >= {BROADCAST, NEIGHBOUR_ADDRESS, "10.5.0.77"}


def start_dnsmasq(wire: Network, folder: Path) -> Process:
    """A proxy with one PXE service, so that it makes the same kind of offer; it serves *folder* over TFTP."""
    argv = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file", "--port=0", "--user=root"]
    argv += ["--log-facility=-", f"--interface={LINK}", "--bind-interfaces", "--dhcp-range=192.0.2.0,proxy"]
    argv += [f"--dhcp-leasefile={folder / 'leases'}", f"--pxe-service=x86PC,Boot,undionly,{SERVER_ADDRESS}"]
    argv += ["--enable-tftp", f"--tftp-root={folder}", "--tftp-max=1024", "--quiet-tftp"]
    process = wire.run_in(wire.srv, argv, folder / "dnsmasq.log")
    process.wait_for("DHCP, proxy", timeout=10)
    return process


@contextmanager
def junk(namespace: str, per_second: int) -> Iterator[None]:
    """While inside, so many datagrams a second on port 67 that are no DHCP, or half of one."""
    chance, over = random.Random(1), Event()
    whole, *_ = asked(source=("0.0.0.0", 68))
    made = [chance.randbytes(chance.randint(0, 600)) for _ in range(500)]
    made += [whole[: chance.randint(1, len(whole))] for _ in range(500)]

    def run() -> None:
        began, sent = time.monotonic(), 0
        with Peer(namespace, LINK) as peer:
            frames = [peer.frame(data, ("0.0.0.0", 68), (BROADCAST, 67)) for data in made]
            while not over.is_set():
                for frame in frames[sent % 1000 :][:100]:
                    peer.send_frame(frame)
                sent += 100
                over.wait(max(0.0, began + sent / per_second - time.monotonic()))

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def answered(wire: Network, number: int, per_second: float) -> int:
    """How many of so many honest machines on the link are offered something within a second."""
    with Peer(wire.dhcp, LINK) as client:
        expected = set()
        for _ in range(number):
            data, source, destination = asked(source=("0.0.0.0", 68))
            expected.add(parse(data).xid)
            client.send(data, source, destination)
            time.sleep(1 / per_second)
        return len(expected & set(xids(client.heard(1.0, within=1.0))))

"""What forged datagrams on 67 and 4011 have the server send to others, beside what they have dnsmasq send."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from pixiecore_core.boot.route import ALL_RELAYS
from pixiecore_core.wire.dhcp4 import Op, parse, serialize
from pixiecore_core.wire.udp4 import UdpPacket
from tests.hostile.conftest import Serve
from tests.hostile.peer import Peer
from tests.lab.network import LINK, NEIGHBOUR_ADDRESS, SERVER_ADDRESS, Network
from tests.messages import REQUEST, message

pytestmark = pytest.mark.netns

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


def _start_dnsmasq(wire: Network, folder: Path) -> None:
    """A proxy with one PXE service, so that it makes the same kind of offer."""
    argv = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file", "--port=0", "--user=root"]
    argv += ["--log-facility=-", f"--interface={LINK}", "--bind-interfaces", "--dhcp-range=192.0.2.0,proxy"]
    argv += [f"--dhcp-leasefile={folder / 'leases'}", f"--pxe-service=x86PC,Boot,undionly,{SERVER_ADDRESS}"]
    wire.run_in(wire.srv, argv, folder / "dnsmasq.log").wait_for("DHCP, proxy", timeout=10)


def test_nothing_is_reflected_where_dnsmasq_reflects_what_comes_to_4011(
    wire: Network, serve: Serve, tmp_path: Path
) -> None:
    # Every victim on our own network is there to be hit.
    for number in range(20):
        subprocess.run(["ip", "-n", wire.dhcp, "address", "add", f"192.0.2.{100 + number}/24", "dev", LINK], check=True)
    server = serve(["--trust-relay", "10.5.0.77"])
    ours = attack(wire)
    answered = honest_are_answered(wire)
    server.stop()
    _start_dnsmasq(wire, tmp_path)
    theirs = attack(wire)
    assert sum(ours.values()) == 0, ours
    assert answered
    assert "--trust-relay 10.9." in server.text()
    assert theirs["source on 4011"] > 0, f"the attack does reach a server: {theirs}"


def test_forged_relays_get_a_ration(wire: Network, serve: Serve) -> None:
    """A relay's own source can be forged, too: then all of them together are answered so often."""
    serve([])
    started = time.monotonic()
    forged = [asked(giaddr=(relay := f"10.9.{n >> 7}.{1 + (n & 127)}"), source=(relay, 67)) for n in range(1000)]
    answers = reflected(wire, forged)
    most = ALL_RELAYS[1] + ALL_RELAYS[0] * (time.monotonic() - started)
    assert 1 <= answers <= most


@pytest.mark.parametrize("port", [7, 19, 53, 123])
def test_servers_of_others_get_no_answer_from_4011(wire: Network, serve: Serve, port: int) -> None:
    serve([])
    with Peer(wire.dhcp, LINK) as attacker:
        attacker.send(*asked(4011, (NEIGHBOUR_ADDRESS, port)))
        attacker.send(*asked(4011, (NEIGHBOUR_ADDRESS, 4011)))
        assert {seen.destination_port for seen in attacker.heard() if seen.source_port == 4011} == {4011}

"""The quiet router advertisement on a real link: whom it reaches, and whom nobody can make it reach."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6ND_RS

from pixiecore_core.wire.dhcp4 import serialize
from pixiecore_core.wire.icmp6 import QUIET_ADVERTISEMENT
from tests.hostile.conftest import Serve
from tests.hostile.peer import Peer, hardware_address, inside
from tests.lab.network import LINK, Network
from tests.messages import message

pytestmark = [pytest.mark.netns, pytest.mark.servers]

ALL_ROUTERS, ALL_NODES = "ff02::2", "ff02::1"
LATE = 2.5
"""Seconds after which no answer comes any more."""


class Asker:
    """A machine on the link, by the network stack of its namespace, which answers for its own address."""

    def __init__(self, network: Network) -> None:
        self.mac = hardware_address(network.dhcp, LINK)
        self._network = network
        self._socket = inside(
            network.dhcp, lambda: socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        )
        self._index = inside(network.dhcp, lambda: socket.if_nametoindex(LINK))
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)

    def close(self) -> None:
        self._socket.close()

    def is_offered_a_boot(self) -> None:
        with Peer(self._network.dhcp, LINK) as client:
            asked = message(chaddr=bytes.fromhex(self.mac.replace(":", "")))
            client.send(serialize(asked), ("0.0.0.0", 68), ("255.255.255.255", 67))
            assert [seen for seen in client.heard(silence=0.5) if seen.source_port == 67]

    def says(self, data: bytes, to: str = ALL_ROUTERS, hops: int = 255) -> None:
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, hops)
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, struct.pack("@I", self._index))
        self._socket.sendto(data, (to, 0, 0, self._index))

    def hears(self) -> list[tuple[float, bytes]]:
        """The advertisements that come, and after how many seconds."""
        found = []
        started = time.monotonic()
        while (left := started + LATE - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data, source = self._socket.recvfrom(2048)
            except TimeoutError:
                break
            if data[0] == 134:
                assert IPv6Address(source[0].partition("%")[0]).is_link_local
                found.append((time.monotonic() - started, data))
        return found


@pytest.fixture
def asker(wire: Network) -> Iterator[Asker]:
    # The network stack asks as well, a few times after a card has come up.
    asks = Path(f"/proc/sys/net/ipv6/conf/{LINK}/router_solicitations")
    inside(wire.dhcp, lambda: asks.write_text("0"))
    time.sleep(2)  # until it is sure of its link-local address
    made = Asker(wire)
    yield made
    made.close()


def without_checksum(data: bytes) -> bytes:
    return data[:2] + bytes(2) + data[4:]


def test_a_machine_under_way_hears_that_there_is_no_router(asker: Asker, serve: Serve) -> None:
    server = serve([])
    asker.is_offered_a_boot()
    asker.says(bytes(ICMPv6ND_RS()))
    ((after, data),) = asker.hears()
    assert after >= 0.9, "a router has its second"
    assert without_checksum(data) == QUIET_ADVERTISEMENT
    assert f"Told {asker.mac} that there is no IPv6 router on {LINK}" in server.text()
    asker.says(bytes(ICMPv6ND_RA(routerlifetime=600)), to=ALL_NODES)
    asker.says(bytes(ICMPv6ND_RS()))
    assert asker.hears() == [], "there is a router now"


def test_nobody_else_does(asker: Asker, serve: Serve) -> None:
    serve([])
    asker.says(bytes(ICMPv6ND_RS()))
    assert asker.hears() == [], "it was offered nothing"
    asker.is_offered_a_boot()
    asker.says(bytes(ICMPv6ND_RS()), hops=64)
    assert asker.hears() == [], "it came through a router"
    asker.says(b"\x85\0\0\0\0\0\0\0\x01\x00")
    assert asker.hears() == [], "it is no valid solicitation"


def test_it_can_be_switched_off(asker: Asker, serve: Serve) -> None:
    serve(["--quiet-ra", "off"])
    asker.is_offered_a_boot()
    asker.says(bytes(ICMPv6ND_RS()))
    assert asker.hears() == []

"""Where replies go: RFC 2131 section 4.1, and PXE 2.1 on 4011; and to whom none ever goes."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.boot.route import ALL_RELAYS, EACH_RELAY, Destination, Relays, Router, Undeliverable
from pixiecore_core.models import Stage
from tests.messages import message

LINK = (IPv4Network("192.0.2.0/24"), IPv4Network("198.51.100.0/25"))
LOOPBACK = (IPv4Network("127.0.0.0/8"),)
NAMED = ("10.0.0.1", "10.7.0.0/16", "10.8.0.255")


def route(
    stage: Stage = "dhcp",
    source: tuple[str, int] = ("0.0.0.0", 68),
    giaddr: str = "0.0.0.0",
    ciaddr: str = "0.0.0.0",
    named: tuple[str, ...] = (),
    link: tuple[IPv4Network, ...] = LINK,
) -> Destination | Undeliverable:
    asked = message(giaddr=IPv4Address(giaddr), ciaddr=IPv4Address(ciaddr))
    return Router(Relays(map(IPv4Network, named))).destination(asked, stage, source, link, 1000.0)


def word(found: Destination | Undeliverable) -> str:
    return found.word if isinstance(found, Undeliverable) else f"sent to {found.ip}"


@pytest.mark.parametrize("ciaddr", ["0.0.0.0", "10.0.0.9", "192.0.2.50", "224.0.0.1"])
def test_a_discover_is_answered_by_broadcast_whatever_address_it_says_it_has(ciaddr: str) -> None:
    """RFC 2131 section 4.4.1: a DISCOVER has none."""
    assert route(ciaddr=ciaddr) == Destination("255.255.255.255", 68, near=True)


@pytest.mark.parametrize("source", ["10.0.0.1", "192.0.2.254", "203.0.113.9"])
def test_a_named_relay_is_answered_wherever_it_sends_from(source: str) -> None:
    """garybowers/bootimus issue 129: a broadcast never reaches the other side of a router."""
    assert route(source=(source, 67), giaddr="10.0.0.1", ciaddr="10.0.0.9", named=NAMED) == Destination("10.0.0.1", 67)
    assert route(source=(source, 67), giaddr="10.7.3.1", named=NAMED) == Destination("10.7.3.1", 67)


def test_another_relay_is_answered_only_where_it_sends_from() -> None:
    assert route(source=("10.9.0.1", 67), giaddr="10.9.0.1", named=NAMED) == Destination("10.9.0.1", 67)
    refused = route(source=("192.0.2.254", 67), giaddr="10.9.0.1", named=NAMED)
    assert isinstance(refused, Undeliverable)
    assert refused.word == "relay-not-named"
    assert "--trust-relay 10.9.0.1" in refused.reason


def test_another_relay_is_answered_so_often_and_all_others_together_so_often() -> None:
    router = Router(Relays([IPv4Network("10.0.0.1")]))

    def answers(relay: str, now: float) -> int:
        asked = message(giaddr=IPv4Address(relay))
        found = [router.destination(asked, "dhcp", (relay, 67), LINK, now) for _ in range(100)]
        assert {one.word for one in found if isinstance(one, Undeliverable)} <= {"relay-rationed"}
        return sum(isinstance(one, Destination) for one in found)

    assert answers("10.9.0.1", 0.0) == EACH_RELAY[1]
    assert answers("10.9.0.1", 1.0) == EACH_RELAY[0]
    assert answers("10.9.0.2", 1.0) == EACH_RELAY[1], "one takes nothing from another"
    made_up = sum(answers(f"10.9.{high}.{low}", 1000.0) for high in range(4) for low in range(1, 255))
    assert made_up == ALL_RELAYS[1], "but a thousand get no more than two"
    assert answers("10.0.0.1", 1000.0) == 100, "one that is named is not counted"


def test_a_relay_on_our_own_link_is_sent_to_there() -> None:
    assert route(source=("192.0.2.9", 67), giaddr="192.0.2.9") == Destination("192.0.2.9", 67, near=True)


@pytest.mark.parametrize("port", [68, 4011, 32768, 51234])
@pytest.mark.parametrize("address", ["192.0.2.77", "198.51.100.7"])
def test_boot_server_replies_go_back_to_where_they_were_asked_from(address: str, port: int) -> None:
    """EDK2 asks from 4011, iPXE from 68; and an interface may have several networks."""
    assert route("pxe", (address, port), ciaddr=address) == Destination(address, port, near=True)


@pytest.mark.parametrize("port", [0, 7, 19, 53, 67, 69, 123, 161, 1023])
def test_ports_of_servers_are_not_answered(port: int) -> None:
    """They would answer in turn."""
    assert word(route("pxe", ("192.0.2.77", port))) == "client-port"


def test_a_client_off_the_link_is_answered_where_its_network_is_named() -> None:
    assert route("pxe", ("10.7.3.77", 4011), named=NAMED) == Destination("10.7.3.77", 4011)
    refused = route("pxe", ("10.9.3.77", 4011), named=NAMED)
    assert isinstance(refused, Undeliverable)
    assert refused.word == "off-link"
    assert "--trust-relay 10.9.3.0/24" in refused.reason


NOBODY = [
    "0.0.0.7",
    "127.0.0.1",
    "127.255.255.255",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.255",
    "192.0.2.0",
    "198.51.100.127",
    "10.7.3.255",
    "10.7.0.0",
]


@pytest.mark.parametrize("address", NOBODY)
@pytest.mark.parametrize("named", [(), NAMED, ("0.0.0.0/0",)])
def test_nobody_vouches_for_what_is_no_host(address: str, named: tuple[str, ...]) -> None:
    assert word(route(source=(address, 67), giaddr=address, named=named)) == "no-host"
    assert word(route("pxe", (address, 4011), named=named)) == "no-host"


def test_a_host_whose_address_looks_like_a_broadcast_can_be_named() -> None:
    assert word(route(source=("10.8.1.255", 67), giaddr="10.8.1.255", named=NAMED)) == "no-host"
    assert route(source=("192.0.2.1", 67), giaddr="10.8.0.255", named=NAMED) == Destination("10.8.0.255", 67)


def test_the_loopback_is_answered_on_the_loopback() -> None:
    assert route("pxe", ("127.0.0.1", 4011), link=LOOPBACK) == Destination("127.0.0.1", 4011, near=True)
    assert route(giaddr="127.0.0.1", source=("127.0.0.1", 67), link=LOOPBACK) == Destination("127.0.0.1", 67, near=True)
    assert word(route("pxe", ("127.255.255.255", 4011), link=LOOPBACK)) == "no-host"


def test_two_hosts_of_a_point_to_point_link_are_hosts() -> None:
    """RFC 3021: a network of 31 bits has no broadcast address."""
    link = (IPv4Network("192.0.2.254/31"),)
    assert route("pxe", ("192.0.2.255", 68), link=link) == Destination("192.0.2.255", 68, near=True)


def test_another_dhcp_port_moves_the_clients_port_along() -> None:
    router = Router(Relays(), dhcp_port=1067)
    broadcast = router.destination(message(), "dhcp", ("0.0.0.0", 1068), LINK, 0.0)
    relayed = router.destination(message(giaddr=IPv4Address("10.0.0.1")), "dhcp", ("10.0.0.1", 67), LINK, 0.0)
    assert isinstance(broadcast, Destination)
    assert isinstance(relayed, Destination)
    assert (broadcast.port, relayed.port) == (1068, 1067)


@given(
    stage=st.sampled_from(["dhcp", "pxe"]),
    source=st.ip_addresses(v=4),
    port=st.integers(0, 65535),
    giaddr=st.ip_addresses(v=4),
    ciaddr=st.ip_addresses(v=4),
)
def test_whatever_is_sent_only_who_sent_it_may_be_answered(
    stage: Stage, source: IPv4Address, port: int, giaddr: IPv4Address, ciaddr: IPv4Address
) -> None:
    found = route(stage, (str(source), port), str(giaddr), str(ciaddr))
    if isinstance(found, Destination):
        assert found.ip in ("255.255.255.255", str(source))
        assert found.near or stage == "dhcp"

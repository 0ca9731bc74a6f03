"""Who is told that there is no IPv6 router, and who is not."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest

from pixiecore_core.engine.quiet_router import MOST_WAITING, Due, QuietRouter, asker
from pixiecore_core.wire.icmp6 import Advertisement, Solicitation

MAC = "52:54:00:12:34:56"
ADDRESS = IPv6Address("fe80::5054:ff:fe12:3456")
ROUTER = IPv6Address("fe80::1")
ETH0, ETH1 = 2, 3


def quiet(*under_way: str) -> QuietRouter:
    return QuietRouter(set(under_way or (MAC,)).__contains__)


def test_a_machine_under_way_is_told_after_a_second_and_once() -> None:
    router = quiet()
    router.heard(Solicitation(), ADDRESS, ETH0, 10.0)
    router.heard(Solicitation(), ADDRESS, ETH0, 10.5)
    assert router.next_due() == 11.0
    assert router.due(10.9) == []
    assert router.due(11.0) == [Due(MAC, ADDRESS, ETH0)]
    assert router.due(12.0) == []
    assert router.next_due() is None
    router.heard(Solicitation(), ADDRESS, ETH0, 14.0)
    assert router.due(15.0) == [Due(MAC, ADDRESS, ETH0)], "it asks again: the first may have been lost"


@pytest.mark.parametrize("lifetime", [0, 1800])
def test_where_a_router_answers_nobody_is_told(lifetime: int) -> None:
    router = quiet()
    router.heard(Solicitation(), ADDRESS, ETH0, 10.0)
    router.heard(Advertisement(lifetime), ROUTER, ETH0, 10.3)
    assert router.due(11.0) == []
    router.heard(Solicitation(), ADDRESS, ETH0, 14.0)
    assert router.due(15.0) == [], "the router is known"


def test_a_router_that_is_silent_for_longer_than_it_said_is_gone() -> None:
    router = quiet()
    router.heard(Advertisement(30), ROUTER, ETH0, 10.0)
    router.heard(Solicitation(), ADDRESS, ETH0, 39.0)
    assert router.next_due() is None
    router.heard(Solicitation(), ADDRESS, ETH0, 41.0)
    assert router.due(42.0) == [Due(MAC, ADDRESS, ETH0)]


def test_a_router_counts_on_its_own_link_only() -> None:
    router = quiet()
    router.heard(Advertisement(1800), ROUTER, ETH1, 10.0)
    router.heard(Solicitation(), ADDRESS, ETH0, 11.0)
    assert router.due(12.0) == [Due(MAC, ADDRESS, ETH0)]


def test_a_forged_advertisement_from_elsewhere_silences_nobody() -> None:
    router = quiet()
    router.heard(Solicitation(), ADDRESS, ETH0, 10.0)
    router.heard(Advertisement(1800), IPv6Address("2001:db8::1"), ETH0, 10.1)
    assert router.due(11.0) == [Due(MAC, ADDRESS, ETH0)]


def test_others_are_not_told() -> None:
    router = quiet("52:54:00:00:00:01")
    router.heard(Solicitation(), ADDRESS, ETH0, 10.0)
    assert router.next_due() is None


def test_routers_are_asked_once_for_all_that_wait_on_a_link() -> None:
    """Many answer only the one who asked: dnsmasq does."""
    router = QuietRouter(lambda mac: True)
    other = IPv6Address("fe80::5054:ff:fe12:3457")
    assert router.heard(Solicitation(), ADDRESS, ETH0, 10.0)
    assert not router.heard(Solicitation(), ADDRESS, ETH0, 10.1)
    assert not router.heard(Solicitation(), other, ETH0, 10.2)
    assert router.heard(Solicitation(), other, ETH1, 10.2)
    assert not router.heard(Advertisement(0), ROUTER, ETH0, 10.3)
    assert [due.interface for due in router.due(12.0)] == [ETH1]
    assert not router.heard(Solicitation(), ADDRESS, ETH0, 12.0), "the router is known"


def test_a_flood_is_bounded() -> None:
    router = QuietRouter(lambda mac: True)
    for number in range(MOST_WAITING + 50):
        router.heard(Solicitation("52:54:00:00:00:01"), IPv6Address(int(ADDRESS) + number), ETH0, 10.0)
    assert len(router.due(11.0)) == MOST_WAITING


@pytest.mark.parametrize(
    ("said", "source", "mac"),
    [
        (None, "fe80::5054:ff:fe12:3456", MAC),
        ("02:00:00:00:00:01", "fe80::5054:ff:fe12:3456", "02:00:00:00:00:01"),
        (None, "fe80::1", None),
        ("02:00:00:00:00:01", "fe80::1", "02:00:00:00:00:01"),
        (MAC, "::", None),
        (MAC, "2001:db8::1", None),
    ],
)
def test_who_asks(said: str | None, source: str, mac: str | None) -> None:
    assert asker(Solicitation(said), IPv6Address(source)) == mac

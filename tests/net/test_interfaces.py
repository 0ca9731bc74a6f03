"""Which interface is served, and which of its addresses a client is told."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from pixiecore_core.net.interfaces import Interface, Interfaces, read_interfaces

A, B, C = (IPv4Address(f"192.0.2.{n}") for n in (1, 2, 3))
ETH0, ETH1 = Interface(2, "eth0", (A, B)), Interface(3, "eth1", (C,))


def interfaces(**options: object) -> Interfaces:
    return Interfaces(adapters=lambda: [ETH0, ETH1], **options)  # type: ignore[arg-type]


def test_all_are_served_by_default() -> None:
    assert interfaces().served(2) == ETH0
    assert interfaces().served(99) is None


def test_only_the_named_are_served() -> None:
    chosen = interfaces(allowed=["eth1"])
    assert chosen.served(2) is None
    assert chosen.served(3) == ETH1


def test_a_listening_address_chooses_interface_and_address() -> None:
    """danderson/netboot issue 20: it used to be ignored."""
    chosen = interfaces(listen=B)
    assert chosen.served(3) is None
    served = chosen.served(2)
    assert served is not None
    assert served.addresses == (B,)


def test_the_address_that_was_asked_is_preferred() -> None:
    assert ETH0.address(B) == B
    assert ETH0.address(IPv4Address("255.255.255.255")) == A


def test_an_interface_that_appears_is_noticed() -> None:
    now, known = 0.0, [ETH0]
    found = Interfaces(clock=lambda: now, adapters=lambda: list(known))
    assert found.served(3) is None
    known.append(ETH1)
    now = 6.0
    assert found.served(3) == ETH1


def test_a_change_that_somebody_tells_of_is_noticed_at_once() -> None:
    known = [ETH0]
    found = Interfaces(clock=lambda: 1000.0, adapters=lambda: list(known))
    assert found.served(3) is None
    known.append(ETH1)
    assert found.served(3) is None
    found.expire()
    assert found.served(3) == ETH1


def test_a_client_is_on_the_network_that_holds_its_address() -> None:
    first, second = IPv4Network("192.0.2.0/24"), IPv4Network("198.51.100.0/24")
    interface = Interface(2, "eth0", (A, B), (first, second))
    assert interface.network_of("0.0.0.0") == first
    assert interface.network_of("198.51.100.7") == second
    assert interface.network_of("203.0.113.7") is None
    assert ETH0.network_of("0.0.0.0") is None


def test_a_listening_address_leaves_its_network_alone() -> None:
    first, second = IPv4Network("192.0.2.0/24"), IPv4Network("198.51.100.0/24")
    eth0 = replace(ETH0, networks=(second, first))
    served = Interfaces(adapters=lambda: [eth0], listen=B).served(2)
    assert served is not None
    assert served.networks == (first,)


def test_the_loopback_is_read_from_the_system() -> None:
    loopback = next(found for found in read_interfaces() if found.name == "lo")
    assert IPv4Address("127.0.0.1") in loopback.addresses
    assert IPv4Network("127.0.0.0/8") in loopback.networks


def test_what_was_known_will_do_where_nothing_can_be_looked_up() -> None:
    """Without a descriptor to spare: port 67 must go on answering (EMFILE)."""
    now = 0.0
    answers: list[list[Interface] | OSError] = [[ETH0], OSError(24, "Too many open files")]

    def adapters() -> list[Interface]:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    known = Interfaces(adapters=adapters, clock=lambda: now)
    assert known.served(2) == ETH0
    now = 100.0
    assert known.served(2) == ETH0
    assert answers == []


def test_files_are_served_on_the_named_interfaces_and_on_this_host() -> None:
    chosen = interfaces(allowed=["eth1"])
    assert chosen.serves(C)
    assert not chosen.serves(A)
    assert chosen.serves(IPv4Address("127.0.0.1"))
    assert interfaces().serves(A)


def test_a_name_that_no_interface_has_is_known() -> None:
    assert interfaces(allowed=["eth1", "eth7"]).missing() == ["eth7"]
    assert interfaces().missing() == []

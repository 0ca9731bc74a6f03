"""Where replies go: RFC 2131 section 4.1, and PXE 2.1 on 4011."""

from __future__ import annotations

from ipaddress import IPv4Address

from pixiecore_core.boot.route import Destination, destination
from tests.messages import message

CLIENT = ("192.0.2.77", 4011)


def test_a_client_without_an_address_is_reached_by_broadcast() -> None:
    assert destination(message(), "dhcp", ("0.0.0.0", 68)) == Destination("255.255.255.255", 68)


def test_a_relay_is_sent_to_on_the_server_port() -> None:
    """garybowers/bootimus issue 129: a broadcast never reaches the other side of a router."""
    relayed = message(giaddr=IPv4Address("10.0.0.1"), ciaddr=IPv4Address("10.0.0.9"))
    assert destination(relayed, "dhcp", ("10.0.0.1", 67)) == Destination("10.0.0.1", 67)


def test_a_client_with_an_address_is_sent_to_there() -> None:
    assert destination(message(ciaddr=IPv4Address("10.0.0.9")), "dhcp", ("10.0.0.9", 68)) == Destination("10.0.0.9", 68)


def test_boot_server_replies_go_back_to_where_they_were_asked_from() -> None:
    """EDK2 asks from 4011, iPXE from 68."""
    assert destination(message(ciaddr=IPv4Address("192.0.2.77")), "pxe", CLIENT) == Destination(*CLIENT)


def test_another_dhcp_port_moves_the_clients_port_along() -> None:
    assert destination(message(), "dhcp", ("0.0.0.0", 1068), dhcp_port=1067).port == 1068
    assert destination(message(giaddr=IPv4Address("10.0.0.1")), "dhcp", ("10.0.0.1", 67), dhcp_port=1067).port == 1067

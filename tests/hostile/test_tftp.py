"""TFTP, attacked by a neighbour without credentials: honest clients are served on, and others are not hurt by us."""

from __future__ import annotations

import time

import pytest

from tests.hostile.conftest import LOADER_SIZE, Serve
from tests.hostile.tftp_peer import amplification, blind, fetch, flood, leave
from tests.lab.network import Network

pytestmark = [pytest.mark.netns, pytest.mark.servers]


def test_forged_requests_shut_nobody_out(wire: Network, serve: Serve) -> None:
    """1,030 requests with ``timeout=255`` kept every honest client out for 290 seconds, and took 178 MB."""
    server = serve([])
    assert fetch(wire.dhcp) == LOADER_SIZE
    before = server.resident_kilobytes()
    with flood(wire.dhcp, 2000) as sent:
        while sent[0] < 1100:
            time.sleep(0.01)
        assert [fetch(wire.dhcp) for _ in range(5)] == [LOADER_SIZE] * 5
        assert server.resident_kilobytes() - before < 40_000


def test_a_request_in_anothers_name_is_not_worth_it(wire: Network, serve: Serve) -> None:
    """A client that acknowledges nothing gets less than ten times what its request took, headers counted."""
    serve([])
    assert all(0 < factor < 10 for factor in amplification(wire.dhcp).values())


def test_who_cannot_see_the_port_cannot_acknowledge(wire: Network, serve: Serve) -> None:
    """The four ports that lived as long as the process made a forged address 361 times what was sent."""
    serve([])
    assert blind(wire.dhcp) == 0


def test_an_unreachable_client_ends_its_transfer(wire: Network, serve: Serve) -> None:
    """The neighbour's own address, where nobody listens: its ICMP errors are heard."""
    server = serve([])
    leave(wire.dhcp)
    server.wait_for("the client does not listen", timeout=10)

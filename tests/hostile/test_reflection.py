"""What forged datagrams on 67 and 4011 have the server send to others, beside what they have dnsmasq send."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from pixiecore_core.boot.route import ALL_RELAYS
from tests.hostile.conftest import Serve
from tests.hostile.dhcp_peer import asked, attack, honest_are_answered, reflected, start_dnsmasq
from tests.hostile.peer import Peer
from tests.lab.network import LINK, NEIGHBOUR_ADDRESS, Network

pytestmark = [pytest.mark.netns, pytest.mark.servers]


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
    start_dnsmasq(wire, tmp_path)
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

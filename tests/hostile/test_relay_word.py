"""What a forged DISCOVER opens, and whose script a neighbour gets: allowlist by subnet, and ``--check-neighbour``."""

from __future__ import annotations

import subprocess
from ipaddress import IPv4Address

import pytest

from pixiecore_core.wire.dhcp4 import serialize
from tests.hostile.conftest import Serve
from tests.hostile.peer import Peer, get, hardware_address
from tests.lab.network import LINK, NEIGHBOUR_ADDRESS, SERVER_ADDRESS, Network
from tests.messages import HTTP_IPXE, message

pytestmark = [pytest.mark.netns, pytest.mark.servers]

BROADCAST = ("255.255.255.255", 67)
VICTIM, MINE = "52:54:00:12:34:56", "52:54:00:00:00:66"
BEHIND = "10.5.0.77"
"""An address on the network of a relay; its packets come by a router."""


def script(wire: Network, source: str, mac: str = MINE) -> int:
    """The status that a machine gets with its script."""
    path = f"/_/ipxe?mac={mac}&arch=x86_64&platform=efi"
    return get(wire.dhcp, source, path, SERVER_ADDRESS)[0]


def discover(wire: Network, giaddr: str, source: str, mac: str = MINE) -> bool:
    """Ask by DHCP through a relay, real or not; whether anything was answered."""
    fields = {"chaddr": bytes.fromhex(mac.replace(":", "")), "giaddr": IPv4Address(giaddr)}
    with Peer(wire.dhcp, LINK) as peer:
        peer.send(serialize(message(HTTP_IPXE, **fields)), (source, 67), BROADCAST)
        return any(seen.source_port == 67 for seen in peer.heard())


@pytest.mark.parametrize("trusted", [[], ["--trust-relay", "10.5.0.1"]], ids=["not named", "named"])
def test_a_forged_relay_opens_no_subnet_for_a_neighbour(wire: Network, serve: Serve, trusted: list[str]) -> None:
    server = serve(["--allowlist-allow", "10.5.0.0/24", *trusted])
    for mac in (MINE, VICTIM):
        assert script(wire, NEIGHBOUR_ADDRESS, mac) == 503, "it waits for somebody to approve it"
        # With the source that has it answered even where it is not named.
        assert discover(wire, "10.5.0.1", "10.5.0.1", mac)
        assert script(wire, NEIGHBOUR_ADDRESS, mac) == 503
    assert script(wire, BEHIND) == 200, "whoever has such an address is on that subnet"
    server.stop()
    said = [line for line in server.text().splitlines() if "to wait there" in line]
    assert bool(said) == (not trusted), "a relay that is not named does not even open the offer"


def test_a_machine_on_our_own_subnet_is_known_by_its_address(wire: Network, serve: Serve) -> None:
    serve(["--allowlist-allow", "192.0.2.0/24", "--trust-relay", "10.5.0.1"])
    assert script(wire, NEIGHBOUR_ADDRESS) == 200
    with Peer(wire.dhcp, LINK) as peer:
        peer.send(serialize(message(HTTP_IPXE, chaddr=bytes.fromhex("525400000066"))), ("0.0.0.0", 68), BROADCAST)
        assert [seen for seen in peer.heard() if seen.source_port == 67]
    assert script(wire, BEHIND) == 503, "a DISCOVER on our link opens nothing for whoever asks from elsewhere"


def test_a_neighbour_gets_its_own_script_alone(wire: Network, serve: Serve) -> None:
    server = serve(["--check-neighbour"])
    own = hardware_address(wire.dhcp, LINK)
    assert script(wire, NEIGHBOUR_ADDRESS, own) == 200
    assert script(wire, NEIGHBOUR_ADDRESS, VICTIM) == 403
    server.wait_for(f"it asks as {VICTIM}, but its hardware address is {own}", timeout=10)
    assert script(wire, BEHIND, VICTIM) == 200, "who comes by a router is not checked"
    path = f"/_/ipxe?mac={VICTIM}&arch=x86_64&platform=efi"
    assert get(wire.srv, "127.0.0.1", path, "127.0.0.1")[0] == 200, "nor is this host"


def test_another_address_does_not_help_a_neighbour(wire: Network, serve: Serve) -> None:
    subprocess.run(["ip", "-n", wire.dhcp, "address", "add", "192.0.2.66/24", "dev", LINK], check=True)
    serve(["--check-neighbour"])
    assert script(wire, "192.0.2.66", VICTIM) == 403


def test_unless_it_is_asked_for_nobody_is_checked(wire: Network, serve: Serve) -> None:
    serve([])
    assert script(wire, NEIGHBOUR_ADDRESS, VICTIM) == 200

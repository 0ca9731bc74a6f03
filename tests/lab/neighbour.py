"""The neighbour: the DHCP server that the network already has. It knows nothing of Pixiecore and of booting.

dnsmasq in the way of a home router: addresses, a gateway, and normally IPv6 router advertisements.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .network import LINK, NEIGHBOUR_ADDRESS, Network, Process


def start_neighbour(
    network: Network, folder: Path, *, router_advertisements: bool = True, extra: Sequence[str] = ()
) -> Process:
    """Start it and wait until it answers.

    Without router advertisements iPXE waits 16 s for IPv6 before it boots. `extra` are further dnsmasq options, such
    as `--dhcp-boot=theirs.0` for a neighbour that wants to boot machines itself.
    """
    argv = [
        "dnsmasq",
        "--keep-in-foreground",
        "--log-facility=-",
        "--log-dhcp",
        "--conf-file=/dev/null",
        f"--dhcp-leasefile={folder / 'leases'}",
        "--pid-file",  # none
        "--user=root",
        "--port=0",  # no DNS
        f"--interface={LINK}",
        "--bind-interfaces",
        "--dhcp-range=192.0.2.100,192.0.2.199,1h",
        f"--dhcp-option=option:router,{NEIGHBOUR_ADDRESS}",
        "--dhcp-authoritative",
        "--no-ping",
        *extra,
    ]
    if router_advertisements:
        argv += ["--enable-ra", "--dhcp-range=2001:db8:77::,ra-only"]
    process = network.run_in(network.dhcp, argv, folder / "neighbour.log")
    process.wait_for("DHCP, IP range", timeout=10)
    return process

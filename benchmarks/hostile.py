"""What a neighbour can do, beside dnsmasq in one run: ``python -m benchmarks.hostile``, two minutes.

Both serve the same wire in turn, in network namespaces; the attacks are those of ``tests/hostile``. Needs root.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.processes import pixiecore
from benchmarks.table import heading, row
from tests.hostile.dhcp_peer import answered, attack, honest_are_answered, junk, start_dnsmasq
from tests.hostile.tftp_peer import NAME, amplification, blind, fetch, flood
from tests.lab.network import LINK, NEIGHBOUR_ADDRESS, SERVER_ADDRESS, Network, Process

SIZE = 300_000
JUNK = 20_000
REQUESTS = 2_000
MACHINES, FETCHES = 60, 5


def prepared(network: Network) -> None:
    """A way for what is sent to addresses that nobody has, and victims on the link."""
    for number in range(20):
        address = f"192.0.2.{100 + number}/24"
        subprocess.run(["ip", "-n", network.dhcp, "address", "add", address, "dev", LINK], check=True)
    subprocess.run(["ip", "-n", network.dhcp, "address", "add", "10.5.0.77/32", "dev", LINK], check=True)
    subprocess.run(["ip", "-n", network.srv, "route", "add", "default", "via", NEIGHBOUR_ADDRESS], check=True)


def start_ours(network: Network, folder: Path) -> Process:
    """Pixiecore as it comes, with one relay named."""
    loader = folder / NAME
    argv = pixiecore(loader, "--ipxe-bios", loader, "--trust-relay", "10.5.0.77", "--key-file", folder / "url.key")
    process = network.run_in(network.srv, [*argv, "--no-cache"], folder / "ours.log")
    process.wait_for("Ready:", timeout=30)
    return process


def measure(network: Network) -> dict[str, object]:
    """Every attack on whatever serves now."""
    found: dict[str, object] = {}
    with junk(network.dhcp, JUNK):
        number = answered(network, MACHINES, 20)
    found[f"machines answered, of {MACHINES}, under {JUNK:,} junk datagrams/s"] = number
    for name, count in attack(network).items():
        found[f"sent to others, of 20 forged: {name}"] = count
    found["honest machines answered meanwhile"] = "yes" if honest_are_answered(network) else "no"
    for kind, factor in amplification(network.dhcp).items():
        found[f"TFTP amplification, {kind}"] = f"{factor:.1f}"
    found["TFTP amplification, blind acknowledgements"] = f"{blind(network.dhcp):.1f}"
    with flood(network.dhcp, REQUESTS) as sent:
        while sent[0] < 1.5 * REQUESTS:
            time.sleep(0.01)
        arrived = sum(fetch(network.dhcp, give_up=5.0) == SIZE for _ in range(FETCHES))
    found[f"TFTP: files fetched, of {FETCHES}, under {REQUESTS:,} forged requests/s"] = arrived
    return found


def main() -> None:
    """Measure both and print the table."""
    with tempfile.TemporaryDirectory(prefix="pixiecore-hostile-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / NAME).parent.mkdir(parents=True)
        (folder / NAME).write_bytes(bytes(SIZE))
        results = []
        for start in (start_ours, start_dnsmasq):
            with Network() as network:
                prepared(network)
                start(network, folder)
                results.append(measure(network))
        heading(f"A hostile neighbour of {SERVER_ADDRESS}", ["attack", "Pixiecore", "dnsmasq"])
        for what, ours in results[0].items():
            row([what, ours, results[1][what]])


if __name__ == "__main__":
    main()

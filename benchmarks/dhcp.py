"""ProxyDHCP offers beside dnsmasq's, in one run: ``python -m benchmarks.dhcp [SECONDS]``, about half a minute.

Both serve one end of a veth pair, the load client sits on the other in a namespace of its own, and DISCOVERs are real
broadcasts. dnsmasq is a proxy-DHCP server with one PXE service, so it makes the same kind of offer: no address, option
43, a boot file. Both write their usual log line for each offer, to a file.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.processes import enter_namespace, measured, pin, pixiecore, program, running
from benchmarks.table import heading, row, write

SERVER_ADDRESS, CLIENT_ADDRESS = "192.0.2.2/24", "192.0.2.10/24"
SERVER_LINK, CLIENT_LINK = "bench0", "bench1"
ROUNDS = 2
FEW, MANY = 16, 1_000_000
CASES = [(window, machines) for machines in (FEW, MANY) for window in (1, 64)]


class Wire:
    """A veth pair: one end here, for the servers, the other in a namespace that lives until :meth:`close`."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec cat"], stdin=-1, stdout=-1)
        assert self._holder.stdout is not None
        self._holder.stdout.readline()  # it has its namespace now
        self.inside = ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net"]
        _ip("link", "set", "lo", "up")
        _ip("link", "add", SERVER_LINK, "type", "veth", "peer", "name", CLIENT_LINK, "netns", str(self._holder.pid))
        _ip("address", "add", SERVER_ADDRESS, "dev", SERVER_LINK)
        _ip("link", "set", SERVER_LINK, "up")
        subprocess.run([*self.inside, "ip", "address", "add", CLIENT_ADDRESS, "dev", CLIENT_LINK], check=True)
        subprocess.run([*self.inside, "ip", "link", "set", CLIENT_LINK, "up"], check=True)

    def measure(self, window: int, machines: int, seconds: float) -> dict[str, float]:
        """One run of the load client."""
        client = ("benchmarks.dhcp_client", CLIENT_LINK, window, machines, seconds)
        return measured(*client, prefix=self.inside)

    def close(self) -> None:
        """Unplug."""
        self._holder.kill()
        self._holder.wait()


def compare(folder: Path, seconds: float) -> None:
    """Measure both servers in turns and print the table."""
    loader = folder / "undionly.kpxe"
    loader.write_bytes(bytes(1000))
    ours = pixiecore(loader, "--ipxe-bios", loader, "--http", "8080", "--tftp", "off")
    peer = [program("dnsmasq", "dnsmasq-base"), "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file="]
    peer += ["--port=0", "--user=root", "--log-facility=-", "--dhcp-range=192.0.2.0,proxy", "--leasefile-ro"]
    peer += ["--pxe-service=x86PC,Pixiecore,undionly,192.0.2.2"]
    servers = {"ours": (ours, "Ready:"), "peer": (peer, "DHCP, proxy")}
    best: dict[tuple[str, int, int], dict[str, float]] = {}
    wire = Wire()
    try:
        for _ in range(ROUNDS):
            for server, (command, ready) in servers.items():
                with running(command, folder / f"{server}.log", ready) as process:
                    pin(process.pid, 0)
                    for case in CASES:
                        result = wire.measure(*case, seconds)
                        key = (server, *case)
                        if key not in best or result["offers_per_second"] > best[key]["offers_per_second"]:
                            best[key] = result
    finally:
        wire.close()
    _report(best)
    silences = sum(result["silences"] for result in best.values())
    write(f"\n{ROUNDS} rounds of {seconds} s each, best; {silences:.0f} times no offer came for half a second")


def _report(best: dict[tuple[str, int, int], dict[str, float]]) -> None:
    columns = [
        "machines",
        "window",
        "ours, offers/s",
        "dnsmasq",
        "ratio",
        "ours p50/p99, µs",
        "dnsmasq",
        "client's CPU",
    ]
    heading("ProxyDHCP offers", columns)
    for window, machines in CASES:
        mine, its = best["ours", window, machines], best["peer", window, machines]
        who = "many distinct" if machines == MANY else f"{machines} repeated"
        ratio = mine["offers_per_second"] / its["offers_per_second"]
        speeds = [f"{result['offers_per_second']:,.0f}" for result in (mine, its)]
        waits = [f"{result['p50'] * 1e6:.0f}/{result['p99'] * 1e6:.0f}" for result in (mine, its)]
        loads = f"{mine['client_load']:.0%}/{its['client_load']:.0%}"
        row([who, window, *speeds, f"{ratio:.2f}", *waits, loads])


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def main() -> None:
    """Enter a namespace, then compare."""
    enter_namespace("benchmarks.dhcp")
    with tempfile.TemporaryDirectory(prefix="pixiecore-dhcp-") as folder:
        compare(Path(folder), float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)


if __name__ == "__main__":
    main()

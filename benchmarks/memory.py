"""Our server's memory after a boot storm and after a flood of made-up machines: ``python -m benchmarks.memory``.

A room of 500 machines boots at once through the real server (see tests/net/storm.py), then 100,000 addresses that no
machine has ask for an offer each. What stays must be what is bounded: timelines, caches, idle connections.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.dhcp_client import discover
from benchmarks.processes import enter_namespace, pixiecore, running
from benchmarks.table import heading, row, write

MACHINES, MADE_UP = 500, 100_000
KERNEL_BYTES, LOADER_BYTES = 2_000_000, 100_000
PORTS = {"dhcp": 6767, "pxe": 4011, "tftp": 6969, "http": 8080}
_GIADDR = slice(24, 28)
_WINDOW = 256


def memory(process: int) -> dict[str, float]:
    """Resident memory of *process* in MB: now, and at its highest."""
    status = Path(f"/proc/{process}/status").read_text()
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return {name: int(lines[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM")}


def boot_room() -> None:
    """The storm, in this process."""
    from tests.net.storm import Ports, storm

    machines, unexpected = storm(Ports(**PORTS), MACHINES)
    if unexpected or any(len(machine.files[0]) != KERNEL_BYTES for machine in machines):
        raise SystemExit("not every machine booted")


def flood() -> float:
    """Ask for :data:`MADE_UP` offers through a relay, so many at a time; the seconds it took."""
    relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    relay.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    relay.bind(("127.0.0.3", PORTS["dhcp"]))
    relay.settimeout(2)
    began = time.monotonic()
    sent = 0
    for answered in range(MADE_UP):
        while sent < min(MADE_UP, answered + _WINDOW):
            packet = bytearray(discover(sent, 1_000_000 + sent))
            packet[_GIADDR] = bytes((127, 0, 0, 3))
            relay.sendto(packet, ("127.0.0.1", PORTS["dhcp"]))
            sent += 1
        relay.recv(2048)
    return time.monotonic() - began


def main() -> None:
    """Start the server and do both to it."""
    if sys.argv[1:2] == ["--storm"]:
        boot_room()
        return
    enter_namespace("benchmarks.memory")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="pixiecore-memory-") as name:
        folder = Path(name)
        for file, size in (("kernel", KERNEL_BYTES), ("loader", LOADER_BYTES)):
            (folder / file).write_bytes(os.urandom(size))
        loader = folder / "loader.efi"
        loader.write_bytes(b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0\x64\x86" + os.urandom(LOADER_BYTES))
        command = pixiecore(folder / "kernel", "--ipxe-bios", folder / "loader", "--ipxe-efi64", loader)
        command += [part for name, port in PORTS.items() for part in (f"--{name}", f"127.0.0.1:{port}")]
        command += ["--trust-relay", "127.0.0.0/8"]
        with running(command, folder / "ours.log", "Ready:") as server:
            heading("Memory", ["after", "resident, MB", "most so far, MB", "took, s"])
            _show("the start", server.pid, "")
            began = time.monotonic()
            subprocess.run([sys.executable, "-m", "benchmarks.memory", "--storm"], check=True, timeout=90)
            _show(f"{MACHINES} machines have booted at once", server.pid, f"{time.monotonic() - began:.1f}")
            took = flood()
            _show(f"{MADE_UP:,} made-up machines", server.pid, f"{took:.1f}")
    write(f"\nThe kernel has {KERNEL_BYTES // 1_000_000} MB; 2000 machines' timelines are kept.")


def _show(what: str, process: int, took: str) -> None:
    used = memory(process)
    row([what, f"{used['VmRSS']:.0f}", f"{used['VmHWM']:.0f}", took])


if __name__ == "__main__":
    main()

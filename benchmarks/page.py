"""What open pages cost: ``python -m benchmarks.page [SECONDS]``, about a minute.

10,000 machines are remembered. Offers a second with ten pages open beside none; and HTTP throughput, while 1,000
machines a second ask for offers. A page is a reader of the events, which throws them away. Server on one processor, all
else on the other.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.dhcp import CLIENT_LINK, Wire
from benchmarks.dhcp_client import discover
from benchmarks.http import OUR_PORT, SIZE, kernel_path
from benchmarks.memory import memory
from benchmarks.processes import enter_namespace, measured, pin, pixiecore, running
from benchmarks.table import heading, row, write

PAGES = 10
MACHINES, FACTS = 10_000, 1_000
ROUNDS = 4
_SO_BINDTODEVICE = 25


def read(pages: int) -> None:
    """Read the events so many times over, until standard input ends; prints how many bytes that was."""
    sockets = [socket.create_connection(("127.0.0.1", OUR_PORT)) for _ in range(pages)]
    for sock in sockets:
        sock.sendall(b"GET /_/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    count = 0
    while True:
        for ready in select.select([sys.stdin, *sockets], [], [])[0]:
            if ready is sys.stdin:
                sys.stdout.write(str(count))
                return
            got = len(ready.recv(1 << 20))
            if not got:
                raise SystemExit("a page lost its connection")
            count += got


def ask(rate: int) -> None:
    """So many machines a second ask for an offer, until we are killed; nobody reads the offers."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, CLIENT_LINK.encode())
    sock.bind(("", 68))
    began, sent = time.monotonic(), 0
    while True:
        while sent < (time.monotonic() - began) * rate:
            sock.sendto(discover(sent, sent % MACHINES), ("255.255.255.255", 67))
            sent += 1
        time.sleep(0.005)


@contextmanager
def helper(*arguments: object, prefix: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """This module, doing one of the two above."""
    command = [*prefix, sys.executable, "-m", "benchmarks.page", *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pin(process.pid, 1)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def open_pages(number: int, told: list[int]) -> Iterator[None]:
    """While inside, so many pages are open."""
    if not number:
        yield
        return
    with helper("--read", number) as process:
        time.sleep(2)
        yield
        output, _ = process.communicate(timeout=10)
        told.append(int(output))


def compare(folder: Path, seconds: float) -> None:
    """Measure with and without pages in turns and print the table."""
    (folder / "vmlinuz").write_bytes(os.urandom(1 << 20) * (SIZE >> 20))
    loader = folder / "undionly.kpxe"
    loader.write_bytes(bytes(1000))
    kept = ["--key-file", folder / "key", "--offer-memory", folder / "memory", "--no-history", "--no-cache"]
    command = pixiecore(folder / "vmlinuz", "--ipxe-bios", loader, "--http", str(OUR_PORT), "--tftp", "off", *kept)
    offers: dict[int, list[float]] = {0: [], PAGES: []}
    speeds: dict[int, list[float]] = {0: [], PAGES: []}
    loads: dict[int, list[float]] = {0: [], PAGES: []}
    told: list[int] = []
    wire = Wire()
    try:
        with running(command, folder / "ours.log", "Ready:") as server:
            pin(server.pid, 0)
            wire.measure(64, MACHINES, 5.0)
            path, before = kernel_path(), memory(server.pid)["VmRSS"]
            for number in (0, PAGES, PAGES, 0) * (ROUNDS // 2):
                with open_pages(number, told):
                    offers[number].append(wire.measure(64, MACHINES, seconds)["offers_per_second"])
                with helper("--ask", FACTS, prefix=tuple(wire.inside)), open_pages(number, told):
                    worked = _worked(server.pid)
                    time.sleep(seconds)
                    loads[number].append(100 * (_worked(server.pid) - worked) / seconds)
                    result = measured("benchmarks.http_client", OUR_PORT, path, 8, seconds)
                    speeds[number].append(result["megabytes_per_second"])
            after = memory(server.pid)["VmRSS"]
    finally:
        wire.close()
    heading("The page", ["", "no page open", f"{PAGES} pages", "ratio"])
    busy = (f"HTTP, MB/s, at {FACTS:,} facts/s", speeds), (f"the server's processor, %, at {FACTS:,} facts/s", loads)
    for what, found in (("offers/s", offers), *busy):
        without, with_pages = (sum(found[number]) / len(found[number]) for number in (0, PAGES))
        row([what, f"{without:,.0f}", f"{with_pages:,.0f}", f"{with_pages / without:.3f}"])
    write(
        f"\nMean of {ROUNDS} rounds of {seconds:g} s each; {MACHINES:,} machines are remembered. Memory {before:.0f} MB"
    )
    write(f"before, {after:.0f} MB after; each page was told {max(told) / PAGES / 1000:,.0f} kB in a round.")


def _worked(process: int) -> float:
    """Seconds of a processor that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Enter a namespace, then compare; or help to."""
    if sys.argv[1:2] == ["--read"]:
        read(int(sys.argv[2]))
        return
    if sys.argv[1:2] == ["--ask"]:
        ask(int(sys.argv[2]))
        return
    enter_namespace("benchmarks.page")
    with tempfile.TemporaryDirectory(prefix="pixiecore-page-") as folder:
        compare(Path(folder), float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)


if __name__ == "__main__":
    main()

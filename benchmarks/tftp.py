"""TFTP throughput beside dnsmasq's, in one run: ``python -m benchmarks.tftp [SECONDS]``, under a minute.

dnsmasq serves TFTP on port 69 alone, so all of it runs in a network namespace of its own, on its loopback device.
dnsmasq before 2.91 has no windowsize (RFC 7440); our figure with a window is then set against its lock-step one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.processes import enter_namespace, measured, pin, program, running
from benchmarks.table import heading, row, write

NAME = "loader.bin"
SIZE = 8_000_000
"""Bytes: a large first stage; each client fetches it as often as the time allows."""
ADDRESS = "127.0.0.1"
OUR_PORT, PEER_PORT = 6969, 69  # in our own namespace nothing else has them
ROUNDS = 4
CASES = [(clients, blksize, windowsize) for clients in (1, 32) for blksize in (512, 1432) for windowsize in (1, 16)]


def serve(folder: str) -> None:
    """Our server, serving *folder* until killed."""
    from gevent.event import Event

    from pixiecore_core.files.local import open_local
    from pixiecore_core.net.tftp import TftpFile, TftpServer

    def open_file(name: str, client: tuple[str, int], local_address: str) -> TftpFile:
        file = open_local(os.path.join(folder, name))
        return TftpFile(file.size, file.source.read_at, file.source.close)

    server = TftpServer(ADDRESS, OUR_PORT, open_file=open_file)
    server.start()
    write("serving")
    Event().wait()


def measure(port: int, clients: int, blksize: int, windowsize: int, seconds: float) -> dict[str, float]:
    """One run of the load client."""
    return measured("benchmarks.tftp_client", ADDRESS, port, NAME, clients, blksize, windowsize, seconds)


def peer_has_windows(seconds: float) -> bool:
    """Whether this dnsmasq grants windowsize; an old one leaves it out, which the load client will not take."""
    try:
        measure(PEER_PORT, 1, 1432, 16, seconds)
    except SystemExit:
        return False
    return True


def compare(seconds: float) -> None:
    """Measure both servers in turns and print the table."""
    windows = peer_has_windows(0.1)
    best: dict[tuple[str, int, int, int], dict[str, float]] = {}
    for _ in range(ROUNDS):
        for case in CASES:
            for server, port in (("ours", OUR_PORT), ("peer", PEER_PORT)):
                if server == "peer" and case[2] > 1 and not windows:
                    continue
                result = measure(port, *case, seconds)
                key = (server, *case)
                if key not in best or result["megabytes_per_second"] > best[key]["megabytes_per_second"]:
                    best[key] = result
    columns = ["clients, blksize, windowsize", "ours MB/s", "dnsmasq MB/s", "ratio", "client's CPU, ours / dnsmasq"]
    heading("TFTP", columns)
    for clients, blksize, windowsize in CASES:
        ours = best["ours", clients, blksize, windowsize]
        peer = best["peer", clients, blksize, windowsize if windows else 1]
        mark = "" if windows or windowsize == 1 else " (lock-step)"
        speeds = ours["megabytes_per_second"], peer["megabytes_per_second"]
        row(
            [
                f"{clients}, {blksize}, {windowsize}",
                f"{speeds[0]:.1f}",
                f"{speeds[1]:.1f}{mark}",
                f"{speeds[0] / speeds[1]:.2f}",
                f"{ours['client_load']:.0%} / {peer['client_load']:.0%}",
            ]
        )
    silences = sum(result["silences"] for result in best.values())
    write(
        f"\nBest of {ROUNDS} rounds of {seconds} s; an {SIZE // 1_000_000} MB file; {silences:.0f} waits of the client."
    )
    if not windows:
        write("This dnsmasq has no windowsize: windows are set against its lock-step figure for the same block size.")
    write("Where the client's CPU is near 100 %, the client is the limit, and the server could do more.")


def main() -> None:
    """Set up the namespace, both servers and the file, then compare."""
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2])
        return
    enter_namespace("benchmarks.tftp")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="pixiecore-tftp-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / NAME).write_bytes(os.urandom(SIZE))
        ours = [sys.executable, "-m", "benchmarks.tftp", "--serve", folder]
        peer = [program("dnsmasq", "dnsmasq-base"), "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file="]
        peer += ["--port=0", "--user=root", "--enable-tftp", f"--tftp-root={folder}", "--tftp-max=200"]
        peer += ["--quiet-tftp", "--log-facility=-"]
        with (
            running(ours, folder / "ours.log", "serving") as our_server,
            running(peer, folder / "peer.log", "TFTP root") as peer_server,
        ):
            pin(our_server.pid, 0)
            pin(peer_server.pid, 0)
            compare(float(sys.argv[1]) if len(sys.argv) > 1 else 0.5)


if __name__ == "__main__":
    main()

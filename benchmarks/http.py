"""HTTP throughput beside nginx's, in one run: ``python -m benchmarks.http [SECONDS]``, about half a minute.

One file of 100 MB out of the page cache, as a boot fetches it: ours through a script's sealed URL. nginx has one worker
process and sendfile. All on the loopback device of a network namespace of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from benchmarks.processes import enter_namespace, measured, pin, pixiecore, program, running
from benchmarks.table import heading, row, write

SIZE = 100_000_000
"""Bytes."""
ROUNDS = 3
STREAMS = (1, 32)
OUR_PORT, PEER_PORT = 8080, 8081
SCRIPT = f"http://127.0.0.1:{OUR_PORT}/_/ipxe?mac=52:54:00:00:00:01&arch=x86_64&platform=efi"
CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr notice; user root;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log; sendfile on; tcp_nopush on; keepalive_requests 1000000;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""


def kernel_path() -> str:
    """The path under which our server gives out the file, as the script that it writes names it."""
    with urllib.request.urlopen(SCRIPT, timeout=5) as answer:
        found = re.search(r"^kernel .*http://[^/]+(/\S+)", answer.read().decode(), re.MULTILINE)
    assert found, "every script has a kernel"
    return found[1]


def compare(seconds: float) -> None:
    """Measure both servers in turns and print the table."""
    targets = {"ours": (OUR_PORT, kernel_path()), "peer": (PEER_PORT, "/kernel")}
    best: dict[tuple[str, int], dict[str, float]] = {}
    for _ in range(ROUNDS):
        for streams in STREAMS:
            for server, (port, path) in targets.items():
                result = measured("benchmarks.http_client", port, path, streams, seconds)
                known = best.get((server, streams))
                if known is None or result["megabytes_per_second"] > known["megabytes_per_second"]:
                    best[server, streams] = result
    heading("HTTP", ["streams", "ours, MB/s", "nginx", "ratio", "smallest share, ours / nginx", "client's CPU"])
    for streams in STREAMS:
        mine, its = best["ours", streams], best["peer", streams]
        speeds = mine["megabytes_per_second"], its["megabytes_per_second"]
        row(
            [
                streams,
                *(f"{speed:,.0f}" for speed in speeds),
                f"{speeds[0] / speeds[1]:.2f}",
                f"{mine['smallest_share']:.0%} / {its['smallest_share']:.0%}",
                f"{mine['client_load']:.0%} / {its['client_load']:.0%}",
            ]
        )
    write(f"\nBest of {ROUNDS} rounds of {seconds} s; a {SIZE // 1_000_000} MB file.")


def main() -> None:
    """Set up the namespace, both servers and the file, then compare."""
    enter_namespace("benchmarks.http")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="pixiecore-http-") as name:
        folder = Path(name)
        kernel = folder / "kernel"
        kernel.write_bytes(os.urandom(1 << 20) * (SIZE >> 20))
        os.truncate(kernel, SIZE)
        configuration = folder / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(folder=folder, port=PEER_PORT))
        off = ["--dhcp", "off", "--pxe", "off", "--tftp", "off", "--http", f"127.0.0.1:{OUR_PORT}"]
        nginx = [program("nginx", "nginx-light"), "-c", configuration, "-p", folder]
        with (
            running(pixiecore(kernel, *off), folder / "ours.log", "Ready:") as ours,
            running(nginx, folder / "peer.log", "start worker process") as peer,
        ):
            worker = subprocess.run(["pgrep", "-P", str(peer.pid)], capture_output=True, text=True, check=True)
            for process in (ours.pid, peer.pid, int(worker.stdout)):
                pin(process, 0)
            compare(float(sys.argv[1]) if len(sys.argv) > 1 else 2.0)


if __name__ == "__main__":
    main()

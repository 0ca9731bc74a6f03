"""Files from another web server, beside nginx's proxy_cache, in one run: ``python -m benchmarks.cache``, a minute.

Both fetch from the same nginx upstream, over the loopback device of a network namespace. Cold: an empty cache and 1 or
50 clients, who come while the download runs. Warm: 1 and 32 streams of what is on the disk, allowed to be used unasked.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.memory import memory
from benchmarks.processes import enter_namespace, measured, pin, pixiecore, program, running
from benchmarks.table import heading, row, write

SIZE = 200_000_000
"""Bytes."""
RATE = 100_000_000
"""Bytes a second that upstream gives each of its clients where a download should take a while."""
ROUNDS = 3
CLIENTS = 50
UPSTREAM, OURS, PEER = 8082, 8080, 8081
SCRIPT = f"http://127.0.0.1:{OURS}/_/ipxe?mac=52:54:00:00:00:01&arch=x86_64&platform=efi"
_HEAD = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr notice; user root;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
"""
_UPSTREAM = (
    _HEAD
    + """
    server {{ listen 127.0.0.1:{port}; root {www}; expires 1h; location /slow/ {{ alias {www}/; limit_rate {rate}; }} }}
}}"""
)
_PROXY = (
    _HEAD
    + """
    proxy_cache_path {folder}/cache keys_zone=images:1m max_size=1g use_temp_path=off;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream}; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_cache images; proxy_cache_lock on; proxy_cache_lock_timeout 60s; proxy_cache_lock_age 60s;
        }}
    }}
}}"""
)


@contextlib.contextmanager
def nginx(folder: Path, text: str, **values: object) -> Iterator[subprocess.Popen[bytes]]:
    """An nginx, kept on the first processor."""
    folder.mkdir()
    configuration = folder / "nginx.conf"
    configuration.write_text(text.format(folder=folder, **values))
    command = [program("nginx", "nginx-light"), "-c", configuration, "-p", folder]
    with running(command, folder / "log", "start worker process") as process:
        children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
        for child in map(int, children.stdout.split()):
            pin(child, 0)
        yield process


@contextlib.contextmanager
def server(kind: str, folder: Path, path: str) -> Iterator[tuple[int, str, int]]:
    """Ours or the peer with an empty cache: its port, the path of the file there, its process."""
    if kind == "peer":
        with nginx(folder, _PROXY, port=PEER, upstream=UPSTREAM) as process:
            yield PEER, path, process.pid
        return
    folder.mkdir()
    off = ["--dhcp", "off", "--pxe", "off", "--tftp", "off", "--http", f"127.0.0.1:{OURS}"]
    keep = ["--cache-dir", folder / "cache", "--key-file", folder / "key"]
    with running(pixiecore(f"http://127.0.0.1:{UPSTREAM}{path}", *off, *keep), folder / "log", "Ready:") as process:
        pin(process.pid, 0)
        with urllib.request.urlopen(SCRIPT, timeout=5) as answer:
            found = re.search(r"^kernel .*http://[^/]+(/\S+)", answer.read().decode(), re.MULTILINE)
        assert found, "every script has a kernel"
        yield OURS, found[1], process.pid


def cold(folder: Path) -> None:
    """Print what clients of an empty cache wait for."""
    heading("Cold: waiting for the first byte (median, worst) and for all, in ms", ["clients", "ours", "nginx"])
    cases = {
        "1": ("/image", 1, 0.0),
        f"{CLIENTS} at once": ("/image", CLIENTS, 0.0),
        f"{CLIENTS}, joining half a second later; upstream gives {RATE // 1_000_000} MB/s": (
            "/slow/image",
            CLIENTS,
            0.5,
        ),
    }
    peak = 0.0
    for title, (path, clients, apart) in cases.items():
        cells = []
        for kind in ("ours", "peer"):
            runs = []
            for number in range(ROUNDS):
                with server(kind, folder / f"{kind}-{clients}-{apart}-{number}", path) as (port, where, process):
                    runs.append(measured("benchmarks.cold_client", port, where, clients, apart))
                    peak = max(peak, memory(process)["VmHWM"]) if kind == "ours" else peak
            best = min(runs, key=lambda run: run["total"])
            cells.append(" / ".join(f"{best[key] * 1000:,.0f}" for key in ("first_median", "first_worst", "total")))
        row([title, *cells])
    write(f"\nOur memory was {peak:.0f} MB at the most.")


def warm(folder: Path) -> None:
    """Print how fast what is on the disk is served."""
    heading("Warm", ["streams", "ours, MB/s", "nginx", "ratio", "smallest share, ours / nginx"])
    best: dict[tuple[str, int], dict[str, float]] = {}
    with (
        server("ours", folder / "ours-warm", "/image") as (our_port, our_path, _),
        server("peer", folder / "peer-warm", "/image") as (port, path, _),
    ):
        targets = {"ours": (our_port, our_path), "peer": (port, path)}
        for where in targets.values():
            measured("benchmarks.cold_client", *where, 1, 0.0)
        for _ in range(ROUNDS):
            for streams in (1, 32):
                for kind, where in targets.items():
                    result = measured("benchmarks.http_client", *where, streams, 2.0)
                    known = best.get((kind, streams))
                    if known is None or result["megabytes_per_second"] > known["megabytes_per_second"]:
                        best[kind, streams] = result
    for streams in (1, 32):
        mine, its = best["ours", streams], best["peer", streams]
        speeds = mine["megabytes_per_second"], its["megabytes_per_second"]
        shares = f"{mine['smallest_share']:.0%} / {its['smallest_share']:.0%}"
        row([streams, *(f"{speed:,.0f}" for speed in speeds), f"{speeds[0] / speeds[1]:.2f}", shares])


def main() -> None:
    """Set up the namespace, the upstream and the file, then measure."""
    enter_namespace("benchmarks.cache")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="pixiecore-cache-") as name:
        folder = Path(name)
        www = folder / "www"
        www.mkdir()
        (www / "image").write_bytes(os.urandom(1 << 20) * (SIZE >> 20))
        os.truncate(www / "image", SIZE)
        with nginx(folder / "upstream", _UPSTREAM, port=UPSTREAM, www=www, rate=RATE) as upstream:
            pin(upstream.pid, 1)
            cold(folder)
            warm(folder)
    write(f"\nBest of {ROUNDS} rounds; a {SIZE // 1_000_000} MB file.")


if __name__ == "__main__":
    main()

"""A whole server on loopback: what a booted system says is in the timeline and the counts, and leaves as a trace."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

from pixiecore_core.net.syslog_sockets import SyslogSockets
from tests.observe.receiver import Receiver
from tests.processes import HIGH_PORTS, read_until, serving

MAC = "52:54:00:12:34:56"
SAID = b"<30>Nov 26 11:13:10 main-menu[217]: INFO: Menu item 'partman-base' selected"


def free_port() -> int:
    """A port that is free for UDP and TCP."""
    sockets = SyslogSockets("127.0.0.1", 0)
    sockets.close()
    return sockets.port


def get(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def test_syslog_a_report_and_a_trace(tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    port = free_port()
    own = ["--cache-dir", f"{tmp_path}/cache", "--key-file", f"{tmp_path}/url.key", "--no-history"]
    cmdline = 'quiet {{ SYSLOG "log_host=HOST log_port=PORT" }} report={{ REPORT "installed" }}'
    with Receiver.running() as receiver:
        options = [*own, "--syslog", str(port), "--otlp-endpoint", f"http://127.0.0.1:{receiver.port}"]
        with serving("boot", f"{tmp_path}/vmlinuz", f"--cmdline={cmdline}", *HIGH_PORTS, *options) as server:
            ready = read_until(server, "Ready:")[-1]
            assert f"SYSLOG on port {port}" in ready
            (http,) = re.findall(r"HTTP on port (\d+)", ready)
            at = f"http://127.0.0.1:{http}"
            script = get(f"{at}/_/ipxe?mac={MAC}&arch=x86_64&platform=efi")
            assert f" log_host=127.0.0.1 log_port={port} " in script
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(SAID, ("127.0.0.1", port))
            read_until(server, f"[Syslog] {MAC} goes on to installer: partitioning")
            get(re.findall(r" report=(\S+)", script)[0])
            timeline = json.loads(get(f"{at}/_/v1/machines/{quote(MAC)}"))["timeline"]
            assert [line["message"] for line in timeline][-2:] == [
                f"{MAC} goes on to installer: partitioning",
                f"{MAC} reports: installed",
            ]
            assert 'pixiecore_machines{outcome="booted"} 1.0' in get(f"{at}/_/metrics")
            began = time.monotonic()
            server.send_signal(signal.SIGTERM)
            read_until(server, "Stopped")
            assert time.monotonic() - began < 3
        ((_, request),) = receiver.received
    names = [span.name for scope in request.resource_spans[0].scope_spans for span in scope.spans]
    assert names == ["script-sent", "installer: partitioning", "reported", "boot"]


def test_a_port_that_is_taken_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serving("boot", f"{tmp_path}/vmlinuz", *HIGH_PORTS, "--syslog", f"127.0.0.1:{port}") as server:
            told = read_until(server, "SYSLOG")[-1]
            assert server.wait(timeout=10) == 1
    assert f"UDP or TCP port {port} (SYSLOG) is in use by " in told
    assert "give --syslog another port or off" in told

"""Every simulated machine boots from a real Pixiecore on loopback; and what they do when things go wrong."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pixiecore_core.testing.machines.rows import ROWS
from tests.net.test_storm import free_port, wait_for_ports
from tests.processes import PIXIECORE

pytestmark = pytest.mark.servers

SERVER, OURS = "127.0.0.1", "127.0.0.2"
KERNEL, INITRD = b"k" * 600_000, b"i" * 900_000
BY_TFTP = {"u-boot", "pi"}


def efi(machine: int) -> bytes:
    head = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + machine.to_bytes(2, "little")
    return head + bytes(100_000)


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[list[str]]:
    """A server; the options of ``simulate`` that lead to it."""
    for name, data in {"vmlinuz": KERNEL, "initrd.img": INITRD, "undionly.kpxe": bytes(70_000)}.items():
        (folder / name).write_bytes(data)
    loaders = {"ipxe-efi64": 0x8664, "ipxe-arm64": 0xAA64, "ipxe-efi32": 0x14C}
    for name, machine in loaders.items():
        (folder / name).write_bytes(efi(machine))
    (folder / "pi").mkdir()
    (folder / "pi/start4.elf").write_bytes(bytes(1000))
    (folder / "pi/kernel8.img").write_bytes(KERNEL)
    command = [*PIXIECORE, "boot", str(folder / "vmlinuz"), str(folder / "initrd.img"), "--cmdline", "console=ttyS0"]
    command += ["--ipxe-bios", str(folder / "undionly.kpxe"), "--pi-firmware", str(folder / "pi"), "--no-cache"]
    command += [part for name in loaders for part in (f"--{name}", str(folder / name))]
    command += ["--trust-relay", OURS, "--key-file", str(folder / "key"), "--offer-memory", str(folder / "memory")]
    listeners = {name: f"{SERVER}:{free_port() if name == 'dhcp' else 0}" for name in ("dhcp", "pxe", "tftp", "http")}
    command += [part for name, where in listeners.items() for part in (f"--{name}", where)]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([*command, *options], stdout=output, stderr=subprocess.STDOUT)
    try:
        ports = wait_for_ports(process, log)
        to = ["--server", SERVER, "--from", OURS, "--dhcp-port", str(ports.dhcp)]
        yield [*to, "--pxe-port", str(ports.pxe), "--tftp-port", str(ports.tftp)]
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    with serving(tmp_path_factory.mktemp("server")) as to:
        yield to


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*PIXIECORE, "simulate", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def document(*arguments: str, status: int = 0) -> dict[str, Any]:
    done = simulate(*arguments, "--json")
    assert done.returncode == status, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("firmware", [row.name for row in ROWS])
def test_every_machine_boots(server: list[str], firmware: str) -> None:
    (machine,) = document(firmware, *server)["machines"]
    assert machine["outcome"] == "booted", machine
    assert machine["kernel"]["sha256"] == hashlib.sha256(KERNEL).hexdigest()
    if firmware == "pi":
        return
    assert [one["sha256"] for one in machine["initrds"]] == [hashlib.sha256(INITRD).hexdigest()]
    assert machine["cmdline"] == ("" if firmware in BY_TFTP else "initrd=initrd0 ") + "console=ttyS0"


def test_the_timeline_in_words(server: list[str]) -> None:
    done = simulate("uefi-x64", *server, "--mac", "52:54:00:00:00:01")
    assert done.returncode == 0
    words = re.sub(r" +\d+\.\d{3}  ", "", done.stdout)
    assert words.splitlines()[:3] == [
        "52:54:00:00:00:01, UEFI x64 by PXE (EDK2), which gets Debian 12's iPXE",
        "asks by DHCP (secs 0)",
        next(line for line in words.splitlines() if line.startswith("127.0.0.1 answers after")),
    ]
    assert "TFTP: 52:54:00:00:00:01/efi-x64/snponly.efi from 127.0.0.1: 100070 bytes, the size only\n" in words
    assert f"  kernel        kernel, 600000 bytes, sha256 {hashlib.sha256(KERNEL).hexdigest()}\n" in words
    assert words.endswith("  command line  initrd=initrd0 console=ttyS0\n")
    assert not re.search(r"[A-Za-z0-9_-]{80}", words), "sealed names are cut"


def test_many_and_their_figures(server: list[str]) -> None:
    done = simulate("bios", *server, "--count", "60", "--parallel", "20", "--seed", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("60 of 60 bios machines in ")
    assert re.search(r"^  booted +60$", done.stdout, re.MULTILINE)
    for stage in ("offer", "first file", "script", "kernel"):
        assert re.search(rf"^  {stage} +\d+\.\d+ +\d+\.\d+ +\d+\.\d+$", done.stdout, re.MULTILINE)


def test_the_same_seed_makes_the_same_machines(server: list[str]) -> None:
    first, second = (
        [one["mac"] for one in document("ipxe", *server, "--count", "3", "--seed", "7")["machines"]] for _ in "12"
    )
    assert sorted(first) == sorted(second)
    (machine, *rest) = document("ipxe", *server, "--count", "2", "--mac", "52:54:00:00:00:ff")["machines"]
    assert {machine["mac"], rest[0]["mac"]} == {"52:54:00:00:00:ff", "52:54:00:00:01:00"}


def test_a_rate(server: list[str]) -> None:
    found = document("ipxe", *server, "--count", "6", "--rate", "5")
    assert 1.0 <= found["seconds"] < 3.0
    assert found["outcomes"] == {"booted": 6}


def test_lost_datagrams_are_made_good(server: list[str]) -> None:
    found = document("bios", *server, "--count", "8", "--loss", "10", "--seed", "3")
    assert found["outcomes"] == {"booted": 8}
    slow = document("bios", *server, "--slow", "1000000")
    assert slow["seconds"] > 1.5, "1.5 MB at 1 MB/s"


@pytest.mark.parametrize("step", ["offer", "boot-server", "loader", "script-offer", "script", "kernel", "initrd"])
def test_machines_vanish(server: list[str], step: str) -> None:
    (machine,) = document("uefi-x64", *server, "--vanish", step, "--expect", "vanished")["machines"]
    assert machine["reason"] == f"it was switched off at its {step}"


def test_what_is_not_expected_is_a_failure(server: list[str]) -> None:
    document("ipxe", *server, "--expect", "local", status=1)


def _talks(pid: int) -> bool:
    """Whether a process has a socket, and so has begun."""
    try:
        return any(os.readlink(file).startswith("socket:") for file in Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:  # it has closed one meanwhile
        return False


def test_ctrl_c_ends_with_a_summary(server: list[str]) -> None:
    command = [*PIXIECORE, "simulate", "ipxe", *server, "--count", "500", "--rate", "10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 30
        while not _talks(process.pid) and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (1, "")
    assert re.match(r"\d+ of 500 ipxe machines in ", output)


def test_a_machine_is_held(tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text("")
    with serving(tmp_path, "--allowlist-enabled", "--allowlist-file", str(tmp_path / "list.toml")) as to:
        held = document("ipxe", *to, "--timeout", "3", "--expect", "held")["machines"][0]
    assert held["reason"].startswith("the server has had it wait")


class _Elsewhere(BaseHTTPRequestHandler):
    """Moves everything to another host."""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://198.51.100.1/kernel")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def test_it_goes_nowhere_else(tmp_path: Path) -> None:
    """Neither where a script names another host, nor where a server sends it on to one."""
    web = ThreadingHTTPServer((SERVER, 0), _Elsewhere)
    Thread(target=web.serve_forever, daemon=True).start()
    try:
        moved = f"http://{SERVER}:{web.server_address[1]}/kernel"
        for url, host in (("http://203.0.113.1/kernel", "203.0.113.1"), (moved, "198.51.100.1")):
            script = tmp_path / "script.ipxe"
            script.write_text(f"#!ipxe\nkernel {url}\nboot\n")
            folder = tmp_path / host
            folder.mkdir()
            with api(script) as prefix, serving_api(folder, prefix) as to:
                (machine,) = document("ipxe", *to, "--expect", "failed")["machines"]
            assert machine["reason"] == f"iPXE gives up: {host} is outside of what was told: --also {host}"
    finally:
        web.shutdown()
        web.server_close()


@contextmanager
def api(script: Path) -> Iterator[str]:
    """An API that answers every machine with a script."""

    class Answering(_Elsewhere):
        def do_GET(self) -> None:
            body = json.dumps({"ipxe-script": script.read_text()}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    web = ThreadingHTTPServer((SERVER, 0), Answering)
    Thread(target=web.serve_forever, daemon=True).start()
    try:
        yield f"http://{SERVER}:{web.server_address[1]}/"
    finally:
        web.shutdown()
        web.server_close()


@contextmanager
def serving_api(folder: Path, prefix: str) -> Iterator[list[str]]:
    port = free_port()
    command = [sys.executable, "-m", "pixiecore_core", "api", prefix, "--dhcp", f"{SERVER}:{port}", "--pxe", "off"]
    command += ["--tftp", "off", "--http", f"{SERVER}:0", "--trust-relay", OURS, "--key-file", str(folder / "key")]
    command += ["--offer-memory", str(folder / "memory"), "--no-cache"]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_for_ports(process, log)
        yield ["--server", SERVER, "--from", OURS, "--dhcp-port", str(port)]
    finally:
        process.terminate()
        process.wait(10)

"""Five hundred machines are switched on at once: all boot, each from the right bytes, none is served twice."""

from __future__ import annotations

import json
import random
import re
import socket
import subprocess
import sys
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.net.storm import RELAY, SERVER, Ports, storm

MACHINES = 500
SIZES = {"undionly.kpxe": 75_000, "snponly.efi": 150_000, "vmlinuz": 600_000, "initrd.img": 900_000}
EFI_HEAD = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + (0x8664).to_bytes(2, "little")
DHCP_STEPS = ["offered", "loader-sent", "script-offered", "script-sent", "kernel-sent", "initrd-sent", "booting"]
STEPS = {False: DHCP_STEPS, True: [*DHCP_STEPS[:1], "pxe-answered", *DHCP_STEPS[1:]]}
"""What a machine's timeline shows, for BIOS and for UEFI."""


def free_port() -> int:
    """A UDP port that is free on the server's address and on the relay's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", 0))
        return int(sock.getsockname()[1])


@contextmanager
def server(folder: Path) -> Iterator[tuple[Ports, Path]]:
    """A real server for the files in *folder*; its ports and its log."""
    listeners = {name: f"{SERVER}:{free_port() if name == 'dhcp' else 0}" for name in ("dhcp", "pxe", "tftp", "http")}
    command = [sys.executable, "-W", "error", "-m", "pixiecore_core", "boot", "--log-format", "json"]
    command += [str(folder / "vmlinuz"), str(folder / "initrd.img"), "--cmdline", "console=ttyS0"]
    command += ["--ipxe-bios", str(folder / "undionly.kpxe"), "--ipxe-efi64", str(folder / "snponly.efi")]
    command += ["--trust-relay", RELAY, "--no-history"]
    command += [part for name, where in listeners.items() for part in (f"--{name}", where)]
    log = folder / "log.json"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=Path(__file__).parents[2])
    try:
        yield wait_for_ports(process, log), log
    finally:
        process.terminate()
        process.wait(10)


def wait_for_ports(process: subprocess.Popen[bytes], log: Path) -> Ports:
    while True:
        text = log.read_text()
        if "Ready:" in text:
            found = dict(re.findall(r"(HTTP|TFTP|PXE|DHCP) on port (\d+)", text))
            return Ports(**{name.lower(): int(port) for name, port in found.items()})
        assert process.poll() is None, text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, size in SIZES.items():
        head = EFI_HEAD if name.endswith(".efi") else b""
        (tmp_path / name).write_bytes(head + random.Random(name).randbytes(size))
    return tmp_path


@pytest.mark.timeout(60)
def test_a_whole_room_boots_at_once(folder: Path) -> None:
    wanted = {name: (folder / name).read_bytes() for name in SIZES}
    with server(folder) as (ports, log):
        machines, unexpected = storm(ports, MACHINES)
        with urllib.request.urlopen(f"http://{SERVER}:{ports.http}/_/status?machines=all", timeout=10) as status:
            timelines = json.load(status)["machines"]
        events = [json.loads(line) for line in log.read_text().splitlines()]

    assert unexpected == []
    for machine in machines:
        assert machine.loader == wanted["snponly.efi" if machine.uefi else "undionly.kpxe"]
        assert machine.files == [wanted["vmlinuz"], wanted["initrd.img"]]
    assert len(timelines) == MACHINES
    logged: dict[str, Counter[str]] = defaultdict(Counter)
    for event in events:
        if "mac" in event:
            logged[event["mac"]][event["kind"]] += 1
    for machine in machines:
        mac = machine.chaddr.hex(":")
        steps = [event["kind"] for event in timelines[mac]]
        # The end of a TFTP transfer is told once its file is closed, and these machines need no time to start iPXE.
        steps.remove("loader-sent")
        steps.insert(STEPS[machine.uefi].index("loader-sent"), "loader-sent")
        assert steps == STEPS[machine.uefi]
        assert logged[mac] == Counter(STEPS[machine.uefi])
    assert {event["level"] for event in events} <= {"info", "warning"}
    assert [event["event"] for event in events if event["level"] == "warning" and "kind" in event] == []

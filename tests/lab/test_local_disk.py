"""A machine that is to start its own disk, with the network first in its boot order: how it gets there, and how soon.

The disk's own loader says that it was started. In a network without router advertisements, which is how most are.
"""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest

from .boot import BootFailed, boot
from .disk import MARKER
from .machines import BY_STOCK_IPXE, MAC, MACHINES, Machine
from .neighbour import start_neighbour
from .network import Network
from .packages import SuiteNotHere
from .server import PIXIECORE, Errand, start_server
from .timings import Timing, record

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

BIOS, PLAIN_BIOS, NEW, NEW_BY_HTTP, OLD = (
    dataclasses.replace(machine, disk=True)
    for machine in (
        MACHINES["seabios-ipxe-virtio"],
        MACHINES["bios-plain-pxe"],
        BY_STOCK_IPXE["ovmf-x64-pxe-2025"],
        BY_STOCK_IPXE["ovmf-x64-http-2025"],
        BY_STOCK_IPXE["ovmf-x64-pxe-2019"],
    )
)
SILENT_SECONDS = 200.0
"""How long a machine that nobody answers is watched: OVMF takes 265 s, and nothing is learnt from the rest."""
OFFERED = "to go on to its disk"


def to_its_disk(machine: Machine, folder: Path, says: str, timeout: float = 90) -> tuple[float, str]:
    """Switch it on, beside a server whose inventory says so; the seconds to its disk, and what the server has logged.

    :raises BootFailed: the disk was not started
    """
    try:
        options = [f"{machine.ipxe.option}={machine.ipxe.path()}"] if machine.ipxe is not None else []
    except SuiteNotHere as missing:
        pytest.skip(str(missing))
    inventory = folder / "inventory"
    inventory.mkdir()
    (inventory / "machines.yaml").write_text(f"machines:\n  - {{name: lab, mac: '{MAC}', {says}}}\n")
    with Network() as network:
        start_neighbour(network, folder, router_advertisements=False)
        argv = [PIXIECORE, "run", "--booter=inventory", f"--folder={inventory}", f"--key-file={folder / 'url.key'}"]
        server = network.run_in(network.srv, [*argv, *options], folder / "server.log")
        server.wait_for("Ready", timeout=15)
        seconds = boot(machine, network, folder, timeout=timeout, marker=MARKER).seconds
        return seconds, server.text()


@pytest.mark.parametrize(
    "machine",
    [
        BIOS,
        pytest.param(PLAIN_BIOS, marks=pytest.mark.extra),
        NEW,
        pytest.param(NEW_BY_HTTP, marks=pytest.mark.extra),
    ],
    ids=lambda machine: machine.name,
)
def test_it_is_sent_there(machine: Machine, lab_folder: Path) -> None:
    seconds, log = to_its_disk(machine, lab_folder, "local: true")
    assert OFFERED in log
    assert f"Sent {MAC} on to its disk" in log
    record(Timing(machine.name, "to its disk", seconds))


@pytest.mark.extra
@pytest.mark.parametrize("machine", [BIOS, NEW], ids=lambda machine: machine.name)
def test_left_alone_it_takes_its_time(machine: Machine, lab_folder: Path) -> None:
    """Not ours to change: what the others are measured against."""
    try:
        seconds, log = to_its_disk(machine, lab_folder, "profile: ignore", timeout=SILENT_SECONDS)
    except BootFailed:
        assert machine is NEW, "BIOS goes on"
        assert OFFERED not in (lab_folder / "server.log").read_text()
        record(Timing(machine.name, "to its disk, by silence", None, f"not there after {SILENT_SECONDS:.0f} s"))
    else:
        assert OFFERED not in log
        record(Timing(machine.name, "to its disk, by silence", seconds))


@pytest.mark.extra
def test_an_ipxe_that_cannot_is_offered_nothing(lab_folder: Path) -> None:
    """The firmware goes on by itself, and is not kept; the log says why."""
    with pytest.raises(BootFailed):
        to_its_disk(OLD, lab_folder, "local: true", timeout=30)
    log = (lab_folder / "server.log").read_text()
    assert "UEFI x86_64 needs iPXE 2.0.0, or a build from 2024-11-20 on, and the one here is 1.0.0+git-20190125" in log
    assert "Offering" not in log


def test_a_disk_on_which_nothing_starts(lab_folder: Path) -> None:
    """Without a disk, the script says so and the firmware goes on."""
    with pytest.raises(BootFailed) as failure:
        to_its_disk(dataclasses.replace(BIOS, disk=False), lab_folder, "local: true", timeout=60)
    assert "it could not start its disk" in (lab_folder / "serial.log").read_text(errors="replace")
    assert "No bootable device" in str(failure.value)


def test_once_it_has_booted_it_goes_to_its_disk(lab_folder: Path) -> None:
    for attempt in ("first", "second"):
        (lab_folder / attempt).mkdir()
    errand = Errand.prepare(lab_folder)
    database = lab_folder / "once.sqlite"
    with Network() as network:
        start_neighbour(network, lab_folder, router_advertisements=False)
        options = ["--once-enabled", f"--once-database={database}", "--once-then=local"]
        server = start_server(network, lab_folder, BIOS, errand, options=options)
        errand.check(BIOS, boot(BIOS, network, lab_folder / "first"))
        boot(BIOS, network, lab_folder / "second", marker=MARKER)
        assert f"Sent {MAC} on to its disk" in server.text()
        listed = subprocess.run([PIXIECORE, "once", "--database", database, "list"], check=True, capture_output=True)
        assert b"done" in listed.stdout

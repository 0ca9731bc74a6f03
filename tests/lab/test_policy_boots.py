"""Policies decide about a real machine: one boots it once, the other when somebody approves it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .boot import BootFailed, boot
from .machines import MAC, MACHINES
from .neighbour import start_neighbour
from .network import Network
from .server import PIXIECORE, Errand, start_server

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

MACHINE = MACHINES["seabios-ipxe-virtio"]


def test_once_boots_a_machine_once_and_again_when_it_is_armed(lab_folder: Path) -> None:
    database = f"{lab_folder / 'once.sqlite'}"
    for attempt in ("first", "second", "third"):
        (lab_folder / attempt).mkdir()
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        options = ["--once-enabled", f"--once-database={database}"]
        server = start_server(network, lab_folder, MACHINE, errand, options=options)
        errand.check(MACHINE, boot(MACHINE, network, lab_folder / "first"))
        with pytest.raises(BootFailed):
            boot(MACHINE, network, lab_folder / "second")
        assert f"Ignoring {MAC} (iPXE on BIOS i386): it has booted once, on 20" in server.text()
        subprocess.run([PIXIECORE, "once", "--database", database, "arm", MAC], check=True)
        errand.check(MACHINE, boot(MACHINE, network, lab_folder / "third"))


def test_a_machine_that_is_held_boots_when_it_is_approved_while_it_waits(lab_folder: Path) -> None:
    database = f"{lab_folder / 'allowlist.sqlite'}"
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        options = ["--allowlist-enabled", f"--allowlist-database={database}"]
        server = start_server(network, lab_folder, MACHINE, errand, options=options)
        approved: list[int] = []

        def approve_once_held() -> None:
            if not approved and f"Holding {MAC}" in server.text():
                command = [PIXIECORE, "allowlist", "--database", database, "approve", MAC]
                approved.append(subprocess.run(command, check=True).returncode)

        errand.check(MACHINE, boot(MACHINE, network, lab_folder, watch=approve_once_held))
        assert approved == [0]
        assert f"Offering to boot {MAC} (iPXE on BIOS i386 on eth0) by script, to wait there" in server.text()

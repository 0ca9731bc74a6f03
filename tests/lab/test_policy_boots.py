"""Policies decide about a real machine: one boots it once and no second time, until it is told to."""

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


def test_once_boots_a_machine_once_and_again_when_it_is_armed(
    lab_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXIECORE_DISABLE_PLUGIN", "")
    database = f"{lab_folder / 'once.sqlite'}"
    for attempt in ("first", "second", "third"):
        (lab_folder / attempt).mkdir()
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        server = start_server(network, lab_folder, MACHINE, errand, options=[f"--once-database={database}"])
        errand.check(MACHINE, boot(MACHINE, network, lab_folder / "first"))
        with pytest.raises(BootFailed):
            boot(MACHINE, network, lab_folder / "second")
        assert f"Ignoring {MAC} (iPXE on BIOS i386): it has booted once, on 20" in server.text()
        subprocess.run([PIXIECORE, "once", "--database", database, "arm", MAC], check=True)
        errand.check(MACHINE, boot(MACHINE, network, lab_folder / "third"))

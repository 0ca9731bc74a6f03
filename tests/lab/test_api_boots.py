"""Machines go from their firmware to Linux as an API says, also while the API is slow, and after it was down."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from .api import answer, start_api, start_server
from .boot import BootFailed, boot
from .machines import MAC, MACHINES, Machine
from .neighbour import start_neighbour
from .network import Network, Process
from .payload import RECIPES
from .server import Errand

# The first boot on a machine waits for the download of the kernels; the boot itself has a time-out of its own.
pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

DOWN_SECONDS = 20
SLOW_SECONDS = 10
BIOS = MACHINES["seabios-ipxe-virtio"]
EITHER = [pytest.param(MACHINES[name], id=name) for name in ("seabios-ipxe-virtio", "ovmf-x64-pxe")]


@pytest.mark.parametrize("machine", EITHER)
def test_machine_reaches_linux(machine: Machine, lab_folder: Path) -> None:
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        start_api(network, lab_folder, {MAC: answer(errand)})
        start_server(network, lab_folder)
        errand.check(machine, boot(machine, network, lab_folder))


@pytest.mark.parametrize("machine", EITHER)
def test_every_answer_takes_longer_than_a_client_waits(machine: Machine, lab_folder: Path) -> None:
    """iPXE waits two seconds for an offer: it gets one in time, and then waits at its script (netboot issue 32)."""
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        start_api(network, lab_folder, {MAC: answer(errand)}, seconds=SLOW_SECONDS)
        server = start_server(network, lab_folder, "--api-request-timeout=15s")
        result = boot(machine, network, lab_folder)
        errand.check(machine, result)
        assert f"Holding {MAC}" in server.text()
        assert result.seconds > SLOW_SECONDS


@pytest.mark.parametrize("machine", EITHER)
def test_the_api_dies_after_its_first_answer_and_comes_back(machine: Machine, lab_folder: Path) -> None:
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        outage = Outage(network, lab_folder, {MAC: answer(errand)}, start_server(network, lab_folder))
        errand.check(machine, boot(machine, network, lab_folder, watch=outage.watch))
        assert outage.over
        log = outage.server.text()
        assert f"Holding {MAC}" in log
        assert "Connection refused" in log


class Outage:
    """An API that is stopped when the first offer went out, and started again twenty seconds later."""

    def __init__(self, network: Network, folder: Path, machines: dict[str, dict[str, object]], server: Process) -> None:
        self._network, self._folder, self._machines = network, folder, machines
        self.server = server
        self._api = start_api(network, folder, machines)
        self._stopped: float | None = None
        self.over = False

    def watch(self) -> None:
        """To be called all the while."""
        if self._stopped is None:
            if "Offering to boot" in self.server.text():
                self._api.stop()
                self._stopped = time.monotonic()
        elif not self.over and time.monotonic() - self._stopped > DOWN_SECONDS:
            start_api(self._network, self._folder, self._machines)
            self.over = True


def test_each_machine_gets_its_own_and_a_stranger_is_ignored(lab_folder: Path) -> None:
    machines = {
        architecture: replace(BIOS, name=architecture, mac=f"52:54:00:00:00:0{number}", payload=architecture)
        for number, architecture in enumerate(("x86_64", "i386"))
    }
    stranger = replace(BIOS, name="stranger", mac="52:54:00:00:00:0f")
    for name in (*machines, stranger.name):
        (lab_folder / name).mkdir()
    errands = {name: Errand.prepare(lab_folder / name) for name in machines}
    with Network() as network:
        start_neighbour(network, lab_folder)
        start_api(network, lab_folder, {machine.mac: answer(errands[name], name) for name, machine in machines.items()})
        server = start_server(network, lab_folder)
        for name, machine in machines.items():
            result = boot(machine, network, lab_folder / name)
            errands[name].check(machine, result)
            assert result.architecture == RECIPES[name].processor
        with pytest.raises(BootFailed):
            boot(stranger, network, lab_folder / stranger.name)
        ignoring = [line for line in server.text().splitlines() if f"Ignoring {stranger.mac}" in line]
        assert ignoring
        assert all("said 404 Not Found" in line for line in ignoring)

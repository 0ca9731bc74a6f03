"""One machine booted twice on the same kind of network: by Pixiecore, and by dnsmasq with the same loader.

For whoever compares them; says only how long each took. The folder of logs stays only where a boot fails.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from .boot import boot
from .machines import Machine
from .neighbour import start_neighbour
from .network import Network
from .rival import start_rival
from .server import Errand, start_server

TIMEOUT = 150.0
"""Seconds. iPXE of 2019 waits 15 s more than ours without router advertisements, once for each DHCP."""


def by_pixiecore(machine: Machine, folder: Path, router_advertisements: bool, direct: str = "auto") -> float:
    """Seconds from power-on to the marker.

    :param direct: when UEFI does without iPXE
    :raises BootFailed: it did not get there
    """
    errand = Errand.prepare(folder, machine.board.console)
    with Network() as network:
        start_neighbour(network, folder, router_advertisements=router_advertisements)
        start_server(network, folder, machine, errand, options=[f"--uefi-direct={direct}"])
        result = boot(machine, network, folder, timeout=TIMEOUT)
        errand.check(machine, result)
    shutil.rmtree(folder)
    return result.seconds


def by_dnsmasq(machine: Machine, folder: Path, router_advertisements: bool) -> float:
    """The same, where :func:`tests.lab.rival.cannot` has no objection."""
    errand = Errand.prepare(folder, machine.board.console)
    with Network() as network:
        start_neighbour(network, folder, router_advertisements=router_advertisements)
        start_rival(network, folder, machine, errand)
        result = boot(machine, network, folder, timeout=TIMEOUT)
        assert f"lab.word={errand.word}" in result.cmdline, result.cmdline
        assert result.fetched_size == errand.file.stat().st_size
    shutil.rmtree(folder)
    return result.seconds

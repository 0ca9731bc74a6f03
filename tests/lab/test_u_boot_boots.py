"""The real U-Boot boots by its own stock commands, where its DHCP server names us and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from .boot import boot
from .machines import U_BOOT
from .neighbour import start_neighbour
from .network import SERVER_ADDRESS, Network
from .server import Errand, start_server
from .timings import Timing, record

_RIVAL = "only by files and a configuration of one's own"
pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


def test_u_boot_reaches_linux(lab_folder: Path) -> None:
    errand = Errand.prepare(lab_folder, U_BOOT.board.console)
    with Network() as network:
        start_neighbour(network, lab_folder, router_advertisements=False, extra=(f"--dhcp-boot=,,{SERVER_ADDRESS}",))
        server = start_server(network, lab_folder, U_BOOT, errand)
        result = boot(U_BOOT, network, lab_folder, timeout=150)
        log = server.text()
    errand.check(U_BOOT, result)
    record(Timing(U_BOOT.name, "its own pxelinux.cfg, sent there by the DHCP server", result.seconds, rival=_RIVAL))
    assert "has everything and starts its kernel" in log
    assert "Failed" not in log

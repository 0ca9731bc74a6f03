"""Why a machine does not boot, told while real firmware fails: on its screen, and by ``pixiecore explain``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pixiecore_core.engine.case import Cause

from .boot import BootFailed, BootResult, boot
from .machines import BY_STOCK_IPXE, MAC, MACHINES, Machine
from .neighbour import start_neighbour
from .network import Network
from .payload import payload
from .server import PIXIECORE, Errand, start_server

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

# iPXE of 2019 in a card and on UEFI, and Debian 13's on UEFI.
BIOS, UEFI = MACHINES["seabios-ipxe-virtio"], MACHINES["ovmf-x64-pxe"]
UEFI_2025 = BY_STOCK_IPXE["ovmf-x64-pxe-2025"]
ASKED_WHAT_TO_DO = "/_/failed... ok"


def explained(network: Network, *arguments: str) -> dict[str, Any]:
    """What ``pixiecore explain`` says on the server's host."""
    command = [PIXIECORE, "explain", *(arguments or (MAC,)), "--json"]
    inside = ["ip", "netns", "exec", network.srv, *map(str, command)]
    done = subprocess.run(inside, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def causes(found: dict[str, Any]) -> list[str]:
    return [diagnosis["cause"] for diagnosis in found["diagnoses"]]


def fails(
    machine: Machine,
    folder: Path,
    marker: str,
    *,
    kernel: Path | None = None,
    options: Sequence[str] = (),
    extra: Sequence[str] = (),
    before: Callable[[Network], object] = lambda network: None,
    timeout: float = 90,
) -> tuple[dict[str, Any], BootResult | None]:
    """Boot it until its serial line says *marker*, or in vain; what is said of it, and what was on its screen.

    :param before: called before the machine is switched on
    """
    errand = Errand.prepare(folder)
    with Network() as network:
        start_neighbour(network, folder, extra=extra)
        start_server(network, folder, machine, errand, kernel=kernel, options=options)
        before(network)
        result = None
        with suppress(BootFailed):
            result = boot(machine, network, folder, marker=marker, timeout=timeout)
        return explained(network), result


@pytest.mark.parametrize("machine", [BIOS, UEFI, UEFI_2025], ids=lambda machine: machine.name)
def test_a_kernel_that_is_gone(machine: Machine, lab_folder: Path) -> None:
    """Stock iPXE of both releases tells which step failed, and why."""
    kernel = lab_folder / "vmlinuz"
    kernel.write_bytes(payload(machine.payload).kernel.read_bytes())
    found, result = fails(machine, lab_folder, ASKED_WHAT_TO_DO, kernel=kernel, before=lambda network: kernel.unlink())
    assert result is not None
    assert found["state"] == "failed"
    assert causes(found) == [Cause.FILE_FAILED]
    assert "vmlinuz does not exist" in found["diagnoses"][0]["says"]
    said = [entry["message"] for entry in found["timeline"] if "failed to load its kernel" in entry["message"]]
    assert said == [
        f"{MAC} failed to load its kernel: HTTP 404 (ipxe.org/err/2d0c61); the firmware goes on to its next boot entry"
    ]


@pytest.mark.parametrize("machine", [UEFI, UEFI_2025], ids=lambda machine: machine.name)
def test_a_kernel_that_is_none(machine: Machine, lab_folder: Path) -> None:
    kernel = lab_folder / "vmlinuz"
    kernel.write_text("this is no kernel\n" * 100)
    found, result = fails(machine, lab_folder, "next boot entry", kernel=kernel, options=["--uefi-direct=never"])
    assert result is not None
    assert "Pixiecore: it could not load its kernel: not something that this iPXE can start" in result.serial
    assert causes(found) == [Cause.NOT_A_KERNEL]
    assert "(ipxe.org/err/2e0080)" in found["diagnoses"][0]["says"]


def test_a_boot_that_went_well(lab_folder: Path) -> None:
    """Three lines say so."""
    errand = Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder)
        start_server(network, lab_folder, BIOS, errand)
        errand.check(BIOS, boot(BIOS, network, lab_folder))
        found = explained(network, "--last")
        assert (found["state"], causes(found)) == ("booted", [])
        inside = ["ip", "netns", "exec", network.srv, str(PIXIECORE), "explain", MAC]
        lines = subprocess.run(inside, capture_output=True, text=True, check=True, timeout=30).stdout.splitlines()
        assert len(lines) == 3
        assert "booted: its kernel started" in lines[0]
        assert "its system has been heard of" in lines[0]

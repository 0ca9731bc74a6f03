"""UEFI machines reach Linux by the iPXE of Debian 12 and of Debian 13, and by one file without any iPXE.

Beside a neighbour that knows nothing, on a network without router advertisements, which is how most are.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .machines import BY_STOCK_IPXE, WITHOUT_IPXE, Machine
from .packages import SuiteNotHere
from .test_boots import boots, way_of

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

# `make lab` has one of each kind that differs; the others differ in what another of them has shown.
_FEW = {"ovmf-x64-pxe-2025", "aavmf-http-2025", "ovmf-x64-http-uki", "aavmf-pxe-uki"}


def _rows(machines: dict[str, Machine]) -> list[object]:
    return [
        pytest.param(machine, id=name, marks=[] if name in _FEW else [pytest.mark.extra])
        for name, machine in machines.items()
    ]


@pytest.mark.parametrize("machine", _rows(BY_STOCK_IPXE))
def test_by_a_stock_ipxe(machine: Machine, lab_folder: Path) -> None:
    assert machine.ipxe is not None
    try:
        machine.ipxe.path()
    except SuiteNotHere as missing:
        pytest.skip(str(missing))
    boots(machine, lab_folder, router_advertisements=False, options=["--uefi-direct=never"], way=way_of(machine))


@pytest.mark.parametrize("machine", _rows(WITHOUT_IPXE))
def test_without_ipxe(machine: Machine, lab_folder: Path) -> None:
    boots(machine, lab_folder, router_advertisements=False, options=["--uefi-direct=always"], way=way_of(machine))

"""What a client is handed first: for each firmware, by what is here and what was chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixiecore_core.engine.first_step import FirstStep, FirstSteps, Mode, cannot_be_unified
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.models import BootSpec, Client, FileRef, Hold, Ignore
from tests.engine.test_deciding import request

STUBS = {"x64": Path("/stub"), "arm64": Path("/stub")}
SCRIPT, LOADER, UNIFIED = FirstStep.SCRIPT, FirstStep.LOADER, FirstStep.UNIFIED


@pytest.mark.parametrize(
    ("mode", "code", "client", "loaders", "stubs", "step"),
    [
        ("auto", 7, Client.PXE, ["efi-x64"], STUBS, LOADER),
        ("auto", 7, Client.PXE, [], STUBS, UNIFIED),
        ("auto", 16, Client.HTTP_BOOT, [], STUBS, UNIFIED),
        ("auto", 11, Client.PXE, ["efi-x64"], STUBS, UNIFIED),
        ("auto", 7, Client.PXE, [], {}, None),
        ("auto", 7, Client.IPXE, [], STUBS, SCRIPT),
        ("always", 7, Client.PXE, ["efi-x64"], STUBS, UNIFIED),
        ("always", 7, Client.PXE, ["efi-x64"], {}, LOADER),
        ("always", 7, Client.IPXE, ["efi-x64"], STUBS, SCRIPT),
        ("always", 0, Client.PXE, ["bios"], STUBS, LOADER),
        ("never", 7, Client.PXE, [], STUBS, None),
        ("never", 7, Client.PXE, ["efi-x64"], STUBS, LOADER),
    ],
)
def test_the_first_step(
    mode: Mode, code: int, client: Client, loaders: list[str], stubs: dict[str, Path], step: FirstStep | None
) -> None:
    found = FoundLoaders(KNOWN, dict.fromkeys(loaders, Path("/x")), Path("/data"), stubs)
    assert FirstSteps(found, mode).of(request(code, client)) is step


def test_what_only_ipxe_can_do_is_said_at_the_offer() -> None:
    spec = BootSpec(kernel=FileRef(location="/vmlinuz"))
    assert cannot_be_unified(spec) is None
    refusal = cannot_be_unified(BootSpec(ipxe_script="#!ipxe\n"))
    assert isinstance(refusal, Ignore)
    assert "its script is for iPXE" in refusal.reason
    refusal = cannot_be_unified(Hold(reason="the API is down"))
    assert isinstance(refusal, Ignore)
    assert refusal.reason == "it would have to wait, which only iPXE can: the API is down"

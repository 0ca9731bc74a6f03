"""What a client is handed first: for each firmware, by what is here and what was chosen."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from pixiecore_core.boot.paths import ServerAddress
from pixiecore_core.boot.tokens import Sealer
from pixiecore_core.boot.urls import UrlMaker
from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.engine.first_step import FirstStep, FirstSteps, Mode, cannot_be_chained, cannot_be_unified
from pixiecore_core.engine.naming import BootFileNames
from pixiecore_core.firmware.chains import CHAINS, FoundChain, FoundChains, Kind, Signer
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.models import BootSpec, Client, FileRef, Hold, Ignore
from tests.engine.test_deciding import MAC, request

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


def chains(kind: Kind, signer: Signer = "2011", **signers: Signer) -> FoundLoaders:
    row = next(row for row in CHAINS if row.kind == kind and row.cpu == "x86_64")
    chain = FoundChain(row, {"2011": Path("/shim"), "2023": Path("/shim-2023")}, Path("/second"))
    found = FoundLoaders(KNOWN, {"efi-x64": Path("/x")}, Path("/data"), STUBS)
    return replace(found, chains=FoundChains({"x86_64": chain}, signer, {MAC: signers[MAC]} if MAC in signers else {}))


@pytest.mark.parametrize(
    ("kind", "mode", "code", "client", "step"),
    [
        ("ipxe", "auto", 7, Client.PXE, FirstStep.CHAIN),
        ("ipxe", "auto", 16, Client.HTTP_BOOT, FirstStep.CHAIN),
        ("ipxe", "never", 7, Client.PXE, FirstStep.CHAIN),
        ("ipxe", "always", 7, Client.PXE, UNIFIED),
        ("ipxe", "auto", 7, Client.IPXE, SCRIPT),
        ("ipxe", "auto", 11, Client.PXE, UNIFIED),
        ("ipxe", "auto", 0, Client.PXE, None),
        ("grub", "auto", 7, Client.PXE, FirstStep.CHAIN),
        ("grub", "auto", 16, Client.HTTP_BOOT, None),
    ],
)
def test_a_signed_chain_takes_the_place_of_ipxe(
    kind: Kind, mode: Mode, code: int, client: Client, step: FirstStep | None
) -> None:
    assert FirstSteps(chains(kind), mode).of(request(code, client)) is step


def test_an_efi_program_is_started_as_it_is_all_the_same() -> None:
    spec = BootSpec(efi=FileRef(location="/memtest.efi"))
    assert FirstSteps(chains("ipxe"), "auto").of(request(7, Client.PXE), spec) is FirstStep.EFI


@pytest.mark.parametrize(
    ("found", "folder"),
    [
        (chains("ipxe"), "shim-ipxe-x86_64"),
        (chains("ipxe", "2023"), "shim-ipxe-x86_64-2023"),
        (chains("ipxe", "2011", **{MAC: "2023"}), "shim-ipxe-x86_64-2023"),
        (chains("ipxe", "2023", **{MAC: "2011"}), "shim-ipxe-x86_64"),
    ],
)
def test_which_shim_a_machine_is_offered(found: FoundLoaders, folder: str) -> None:
    names = BootFileNames(FirstSteps(found), UrlMaker(Sealer()))
    asks, server = request(7, Client.PXE), ServerAddress(IPv4Address("192.0.2.2"))
    assert names.of(asks, server, Attempts().asked(asks)) == f"{MAC}/{folder}/shimx64.efi"
    named = found.chains.named(folder)
    assert named is not None
    assert named[1] == ("2023" if folder.endswith("2023") else "2011")


def test_grub_runs_no_ipxe_script() -> None:
    chain = chains("grub").chains.chains["x86_64"]
    refusal = cannot_be_chained(BootSpec(ipxe_script="#!ipxe\n"), chain)
    assert refusal is not None
    assert "its script is for iPXE, and its firmware gets GRUB (--secureboot-grub)" in refusal.reason
    assert cannot_be_chained(Hold(reason="wait"), chain) is None
    assert cannot_be_chained(BootSpec(ipxe_script="#!ipxe\n"), chains("ipxe").chains.chains["x86_64"]) is None

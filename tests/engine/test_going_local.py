"""Which machines are sent on to their own disks, and how; the others are left alone, with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pixiecore_core.boot.script import to_disk
from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.engine.deciding import Decider
from pixiecore_core.engine.first_step import FirstStep, Mode
from pixiecore_core.engine.going_local import cannot_go, script_to_disk
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.firmware.local_disk import WAYS
from pixiecore_core.models import Client, Ignore, LocalDisk, Machine, PxeRequest
from tests.engine.test_deciding import Answers, decider, request

OLD, NEW = "1.0.0+git-20190125.36a4c85-5.1", "1.21.1+git20250501.dad20602+dfsg-1"
DECISION = LocalDisk(reason="it is installed")
FAILED = "http://192.0.2.2/_/failed?mac=m&name=t"
LEFT = "it is to start its disk, which is left to its firmware (it is installed): "


def found(version: str) -> FoundLoaders:
    versions = {"efi-x64": version} if version else {}
    return FoundLoaders(KNOWN, {"efi-x64": Path("/x"), "bios": Path("/y")}, Path("/data"), versions=versions)


@pytest.mark.parametrize(
    ("asking", "version", "refusal"),
    [
        (request(0), "", None),
        (request(7), NEW, None),
        (request(16, Client.HTTP_BOOT), NEW, None),
        (
            request(7),
            OLD,
            f"UEFI x86_64 needs iPXE 2.0.0, or a build from 2024-11-20 on, and the one here is {OLD}",
        ),
        (request(7), "", "UEFI x86_64 needs iPXE 2.0.0, or a build from 2024-11-20 on, and which one is handed out "),
        (request(0, Client.IPXE), "", None),
        (request(7, Client.IPXE), OLD, None),  # the card may have another one than we: it says so at its script
        (request(22), NEW, "no way there is known for U-Boot arm64"),
        (request(22, Client.IPXE), NEW, "no way there is known for U-Boot arm64"),
    ],
)
def test_who_is_offered_the_way(asking: PxeRequest, version: str, refusal: str | None) -> None:
    answer = cannot_go(asking, DECISION, found(version))
    assert (answer is None) == (refusal is None)
    assert answer is None or answer.reason.startswith(LEFT + (refusal or ""))


def test_of_another_iPXE_than_ours_nothing_is_known() -> None:  # noqa: N802
    assert isinstance(cannot_go(request(7), DECISION, found(NEW), ours=False), Ignore)
    assert cannot_go(request(0), DECISION, found(NEW), ours=False) is None


@pytest.mark.parametrize(("code", "version"), [(0, OLD), (0, ""), (7, NEW), (7, ""), (7, "2.0.0")])
def test_the_script_starts_the_disk(code: int, version: str) -> None:
    machine = Machine(mac="52:54:00:12:34:56", architecture=KNOWN.architecture(code), ipxe_version=version)
    text, cannot = script_to_disk(machine, DECISION, FAILED)
    assert cannot == ""
    assert text.splitlines()[2:] == [
        "set step disk",
        "sanboot --no-describe --drive 0x80 || goto failed",
        ":failed",
        "set problem ${step} failed with iPXE error ${errno}",
        f"chain --replace {FAILED}&step=${{step}}&errno=${{errno}}&dmesg=${{dmesg:uristring}} ||",
        "echo Pixiecore: ${problem}, and the server cannot be asked; the firmware goes on",
        "exit 1",
    ]
    assert "installed" not in text, "why is nobody's business on the screen"


@pytest.mark.parametrize(
    ("code", "version", "why"),
    [
        (7, OLD, f"its iPXE is {OLD}, and it takes iPXE 2.0.0, or a build from 2024-11-20 on"),
        (22, NEW, "no way there is known for U-Boot arm64"),
        (None, NEW, "no way there is known for a machine of which that is all that is known"),
    ],
)
def test_the_script_says_why_it_cannot(code: int | None, version: str, why: str) -> None:
    architecture = KNOWN.architecture(code) if code is not None else None
    machine = Machine(mac="52:54:00:12:34:56", architecture=architecture, ipxe_version=version)
    text, cannot = script_to_disk(machine, DECISION, FAILED)
    assert cannot == LEFT + why
    assert text == f"#!ipxe\necho This iPXE cannot start the disk: {why}\nexit 1\n"


def test_what_a_machine_says_of_its_ipxe_is_no_command() -> None:
    said = "1.0.0+git20190125\n|| shell && #"
    machine = Machine(mac="52:54:00:12:34:56", architecture=KNOWN.architecture(7), ipxe_version=said)
    text, _ = script_to_disk(machine, DECISION, FAILED)
    assert all(line.startswith(("#!ipxe", "echo ", "exit 1")) for line in text.splitlines())
    assert not {"||", "&&", "#"} & set(text.split())


def test_each_way_has_a_source_and_its_own_firmware() -> None:
    assert all(way.source and way.command for way in WAYS)
    assert len({way.family for way in WAYS}) == len(WAYS)
    assert "exit 1" in to_disk(WAYS[0].command)


@pytest.mark.parametrize("mode", ["auto", "always"])
def test_only_ipxe_can_go_there_even_where_firmware_needs_none(mode: Mode) -> None:
    def made(paths: dict[str, Path]) -> Decider:
        loaders = FoundLoaders(KNOWN, paths, Path("/data"), {"x64": Path("/s")}, {"efi-x64": NEW})
        return Decider(Answers(boot=DECISION), loaders, Attempts(), uefi_direct=mode)

    with_ipxe, without = made({"efi-x64": Path("/x")}), made({})
    assert with_ipxe.decide(request()) == DECISION
    assert with_ipxe.first_steps.of(request(), DECISION) is FirstStep.LOADER
    answer = without.decide(request())
    assert isinstance(answer, Ignore)
    assert answer.reason.startswith("no iPXE for this firmware is installed here: ")


def test_without_a_loader_the_reason_is_that() -> None:
    answer = decider(Answers(boot=DECISION)).decide(request(0))
    assert isinstance(answer, Ignore)
    assert answer.reason.startswith("no iPXE for this firmware is installed here: ")


def test_a_plugins_loader_takes_bios_there() -> None:
    made = decider(Answers(boot=DECISION, loaders=True))
    assert made.decide(request(0)) == DECISION
    assert isinstance(made.decide(request(7)), Ignore)


def test_where_only_what_we_sign_starts_no_ipxe_leads_to_the_disk() -> None:
    """An unsigned iPXE would keep the machine from its disk for good."""
    table = KNOWN
    loaders = FoundLoaders(
        table, {"efi-x64": Path("/x")}, Path("/d"), {"x64": Path("/s")}, versions={"efi-x64": "2.0.0"}
    )

    class Local:
        def __getattr__(self, name: str) -> Any:
            return lambda *given: LocalDisk() if name == "select_boot" else None

    def decide(signs: bool) -> Any:
        decider = Decider(Local(), loaders, Attempts(), uefi_direct="always", signs=signs)
        machine = Machine(mac="52:54:00:12:34:56", architecture=table.architecture(7))
        asked = PxeRequest(
            machine=machine, client=Client.PXE, loader="efi-x64", stage="dhcp", transaction_id=1, seconds=0
        )
        return decider.decide(asked)

    assert isinstance(decide(signs=False), LocalDisk)
    kept = decide(signs=True)
    assert isinstance(kept, Ignore)
    assert "--secureboot-key" in kept.reason

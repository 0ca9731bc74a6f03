"""The one order of questions, asked of a table of answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from pixiecore_core import BootFile, BootSpec, Client, FileRef, Hold, Ignore, LocalDisk, Machine, PxeRequest, UrlFor
from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.engine.deciding import LATE_SECONDS, Decider
from pixiecore_core.engine.first_step import FirstStep
from pixiecore_core.engine.policy import PolicyFailed
from pixiecore_core.engine.scripting import Script, ScriptWriter
from pixiecore_core.errors import BootFileNotFound, CmdlineError, PluginError
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.known import KNOWN

T = TypeVar("T")

MAC = "52:54:00:12:34:56"
SPEC = BootSpec(kernel=FileRef(location="/vmlinuz"), cmdline="quiet")
PROGRAM = BootSpec(efi=FileRef(location="/memtest.efi"))
OWN = BootSpec(ipxe_script="#!ipxe\nshell\n")
BROKEN = PluginError("p", "select_boot", "boom")


@dataclass
class Answers:
    """A policy that is a table of answers; what is an exception is raised."""

    veto: Ignore | None = None
    boot: BootSpec | Ignore | Hold | LocalDisk | Exception = SPEC
    cmdline: str | Exception = "quiet"
    script: str | Exception = "#!ipxe\n"
    loaders: bool = False
    asked: list[str] = field(default_factory=list)

    def _answer(self, question: str, answer: T | Exception) -> T:
        self.asked.append(question)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def on_pxe_request(self, request: PxeRequest) -> Ignore | None:
        return self._answer("on_pxe_request", self.veto)

    def select_boot(self, machine: Machine) -> BootSpec | Ignore | Hold | LocalDisk:
        return self._answer("select_boot", self.boot)

    def provides_bootloaders(self) -> bool:
        return self.loaders

    def provide_bootloader(self, loader: str, machine: Machine) -> BootFile | None:
        return None

    def render_cmdline(self, machine: Machine, spec: BootSpec, url_for: UrlFor) -> str:
        return self._answer("render_cmdline", self.cmdline)

    def render_script(self, machine: Machine, spec: BootSpec, cmdline: str, url_for: UrlFor) -> str:
        return self._answer("render_script", self.script)

    def open_boot_file(self, ref: FileRef, mac: str | None, url_for: UrlFor) -> BootFile:
        raise BootFileNotFound("none")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def decider(policy: Answers, clock: Clock | None = None, **paths: Path) -> Decider:
    clock = clock or Clock()
    loaders = FoundLoaders(KNOWN, {name.replace("_", "-"): path for name, path in paths.items()}, Path("/data"))
    return Decider(policy, loaders, Attempts(clock=clock), clock)


def request(code: int = 7, client: Client = Client.PXE) -> PxeRequest:
    architecture = KNOWN.architecture(code)
    loader = KNOWN.loader_for(architecture)
    return PxeRequest(
        machine=Machine(mac=MAC, architecture=architecture),
        client=client,
        loader=loader.name if loader else None,
        stage="dhcp",
        transaction_id=1,
        seconds=0,
    )


X64 = {"efi_x64": Path("/x")}


def test_everybody_is_asked_in_order() -> None:
    policy = Answers()
    assert decider(policy, **X64).decide(request()) is SPEC
    assert policy.asked == ["on_pxe_request", "select_boot"]


def test_without_a_loader_nobody_is_asked() -> None:
    policy = Answers()
    answer = decider(policy).decide(request())
    assert isinstance(answer, Ignore)
    assert "no iPXE for this firmware is installed here: " in answer.reason
    assert "--ipxe-efi64 PATH" in answer.reason
    assert policy.asked == ["on_pxe_request", "select_boot"], "it might have been an EFI program"
    policy.asked.clear()
    for code, reason in ((25, "no boot file exists for UEFI riscv32"), (0, "no iPXE for this firmware")):
        answer = decider(policy).decide(request(code))
        assert isinstance(answer, Ignore)
        assert answer.reason.startswith(reason)
    assert policy.asked == []


def test_an_efi_program_needs_no_ipxe() -> None:
    policy = Answers(boot=PROGRAM)
    assert decider(policy).decide(request()) is PROGRAM
    assert decider(policy).first_steps.of(request(), PROGRAM) is FirstStep.EFI
    assert decider(policy, **X64).first_steps.of(request(), PROGRAM) is FirstStep.EFI
    assert decider(policy).first_steps.of(request(client=Client.IPXE), PROGRAM) is FirstStep.SCRIPT
    never = Decider(policy, decider(policy).loaders, Attempts(), uefi_direct="never")
    assert isinstance(never.decide(request()), Ignore)


def test_bios_starts_no_efi_program() -> None:
    answer = decider(Answers(boot=PROGRAM), bios=Path("/x")).decide(request(0))
    assert answer == Ignore(reason="it is told to boot an EFI program, which BIOS cannot start")


def test_a_plugin_may_bring_the_loader_and_an_ipxe_needs_none() -> None:
    assert decider(Answers(loaders=True)).decide(request()) is SPEC
    assert decider(Answers()).decide(request(27, Client.IPXE)) is SPEC


def test_a_veto_ends_the_asking() -> None:
    policy = Answers(veto=Ignore(reason="no"))
    assert decider(policy, **X64).decide(request()) == Ignore(reason="no")
    assert policy.asked == ["on_pxe_request"]


def test_what_breaks_is_a_value() -> None:
    assert decider(Answers(boot=BROKEN), **X64).decide(request()) == PolicyFailed(BROKEN)
    assert PolicyFailed(BROKEN).reason == "boom"


def test_a_late_decision_serves_the_next_retry_and_a_failure_does_not() -> None:
    clock = Clock()

    class Late(Answers):
        def select_boot(self, machine: Machine) -> BootSpec | Ignore | Hold | LocalDisk:
            clock.now += LATE_SECONDS + 1
            return super().select_boot(machine)

    policy = Late()
    deciding = decider(policy, clock, **X64)
    attempt = deciding.attempts.asked(request())
    for _ in range(2):
        assert deciding.decide_in_time(request(), attempt) is SPEC
    assert policy.asked.count("select_boot") == 1
    policy.boot = BROKEN
    for _ in range(2):
        assert isinstance(deciding.decide_in_time(request(), attempt), PolicyFailed)
    assert policy.asked.count("select_boot") == 3


class Urls:
    def __call__(self, ref: FileRef, purpose: str = "file") -> str:
        return "http://h/file"

    def booting(self) -> str:
        return "http://h/booting"

    def page(self, path: str) -> str:
        return "http://h" + path


@pytest.mark.parametrize(
    ("policy", "written", "asked"),
    [
        (Answers(), Script("#!ipxe\n", "quiet"), ["select_boot", "render_cmdline", "render_script"]),
        (Answers(boot=OWN), Script("#!ipxe\n", ""), ["select_boot", "render_script"]),
        (Answers(boot=Ignore(reason="no")), Ignore(reason="no"), ["select_boot"]),
        (Answers(boot=Hold(reason="wait")), Hold(reason="wait"), ["select_boot"]),
        (Answers(boot=BROKEN), PolicyFailed(BROKEN), ["select_boot"]),
        (Answers(cmdline=BROKEN), PolicyFailed(BROKEN), ["select_boot", "render_cmdline"]),
        (
            Answers(cmdline=(error := CmdlineError("odd", 3))),
            PolicyFailed(error),
            ["select_boot", "render_cmdline"],
        ),
        (Answers(script=BROKEN), PolicyFailed(BROKEN), ["select_boot", "render_cmdline", "render_script"]),
    ],
)
def test_scripts_are_written_in_order(policy: Answers, written: object, asked: list[str]) -> None:
    assert ScriptWriter(policy, decider(policy)).write(Machine(mac=MAC), Urls()) == written  # type: ignore[arg-type]
    assert policy.asked == asked

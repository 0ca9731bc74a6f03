"""What a reader who was told to break the diagnoses has found."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

from pixiecore_core.engine.attempts import Attempts, Outcome
from pixiecore_core.engine.case import Cause
from pixiecore_core.engine.explaining import explain
from pixiecore_core.hidden import blanked
from pixiecore_core.models.facts import Held, ScriptSent, StepFailed
from pixiecore_core.wire.frames import Said
from pixiecore_core.wire.http_heads import Body, Head

from .test_diagnosing import MAC, WELL, case, initrd, kernel, loader, offered, script, to_ipxe
from .test_replaying import BOOT, MACHINE, SECOND, Wire
from .test_step_failing import answer

NAMES = {"server": "192.0.2.2", "url": "u", "file": "f"}


def failed(at: float, step: str, number: str, retry: bool = False) -> StepFailed:
    return StepFailed(mac=MAC, at=at, step=step, number=number, problem="p", retry=retry)


def causes(known: object) -> list[str]:
    return [one.cause for one in explain(known, NAMES).diagnoses]  # type: ignore[arg-type]


def test_a_kernel_that_cannot_be_started_is_diagnosed() -> None:
    assert causes(case(*WELL, failed(6.5, "boot", "7f048281"))) == [Cause.NOT_A_KERNEL]


def test_a_kernel_that_was_not_started_has_not_panicked() -> None:
    known = case(offered(10), before=[*WELL, failed(6.5, "boot", "7f048281")], silent=1)
    assert Cause.CAME_BACK not in causes(known)


def test_retries_end_with_many_initrds() -> None:
    attempts = Attempts()
    for _ in range(10):
        attempts.add(ScriptSent(mac=MAC, address="192.0.2.9"))
        attempts.add(kernel(1))
        for number in range(24):
            attempts.add(initrd(2 + number))
        _, fact = answer(attempts, "initrd24")
        if fact is not None and not fact.retry:
            return
    raise AssertionError("it tries again for ever")


def test_no_dhcp_server_is_said_where_ipxe_says_so() -> None:
    assert causes(case(offered(0), loader(1), to_ipxe(3, 9), to_ipxe(5, 9), to_ipxe(9, 9)))


def test_a_retry_that_goes_on_has_no_diagnosis() -> None:
    known = case(*WELL[:6], failed(5.1, "kernel", "4c0a6035", True), script(11), kernel(12), silent=3)
    assert causes(known) == []


def test_a_machine_switched_off_does_not_wait() -> None:
    held = Held(mac=MAC, at=1, asked_for="script", reason="wait", seconds=5)
    assert "asks again every" not in explain(case(to_ipxe(0), held, silent=10_000), NAMES).diagnoses[0].says


def test_a_second_request_may_be_a_slow_dhcp_servers_doing() -> None:
    assert causes(case(offered(0), offered(4), silent=0.1)) == []


def test_a_machine_that_was_told_to_try_later_has_not_stalled() -> None:
    waits = failed(2, "kernel", "4c0a6035", True).model_copy(update={"wait": 300})
    assert explain(case(script(0), waits, silent=60), NAMES).outcome is Outcome.UNDER_WAY


def test_a_disk_that_does_not_start_is_no_kernel() -> None:
    assert causes(case(script(0), failed(1, "disk", "2e008081"))) == [Cause.STEP_FAILED]


def test_a_password_cut_off_before_its_at_sign_is_blanked() -> None:
    assert b"hunter2" not in blanked(b"\0\3\0\1linux http://user:hunter2hunter2")


def test_many_open_reports_do_not_recurse() -> None:
    wire = Wire()
    wire.offered()
    for number in range(700):
        at, client = int((1 + number / 100) * SECOND), (MACHINE, 3000 + number)
        wire.replay.take(Said(at, client, (BOOT, 80), Head(at, "GET", f"/_/booting?mac={MAC}"), True))
        response = Head(at, "", "", 200, "OK", (("content-length", "10"),))
        wire.replay.take(Said(at, client, (BOOT, 80), response, False))
    at = 20 * SECOND
    wire.replay.take(Said(at, (MACHINE, 3699), (BOOT, 80), Body(at, 10), False))
    wire.replay.finish()


def test_frames_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    file = tmp_path / "unknown.pcap"
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 147)
    file.write_bytes(head + struct.pack("<IIII", 1, 0, 60, 60) + bytes(60))
    command = [sys.executable, "-m", "pixiecore_core", "explain", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "link type 147" in done.stdout + done.stderr

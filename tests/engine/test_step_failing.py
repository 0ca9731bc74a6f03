"""What a machine is told whose script has failed, and what is remembered of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.engine.attempts import Attempts, Outcome
from pixiecore_core.engine.step_failing import StepFailures, usual_answer
from pixiecore_core.firmware.ipxe_errors import ROWS, UNKNOWN, ipxe_error
from pixiecore_core.models import Fact, GiveUp, Machine, Retry
from pixiecore_core.models.facts import Failed, Ignored, PluginFailed, StepFailed

MAC, AGAIN = "52:54:00:12:34:56", "http://192.0.2.2/_/ipxe/token"


class Policy:
    """The core's own answer."""

    retries = 2

    def on_boot_failure(self, machine: Machine, failure: StepFailed, failures: int) -> Retry | GiveUp:
        assert machine.mac == MAC
        return usual_answer(failure, failures, self.retries)


@pytest.fixture
def attempts() -> Attempts:
    return Attempts()


def answer(attempts: Attempts, step: str = "kernel", errno: str = "0x4c0a6035") -> tuple[str, StepFailed | None]:
    found = StepFailures(Policy(), attempts).answer(MAC, step, errno, "", AGAIN)  # type: ignore[arg-type]
    if found.fact is not None:
        attempts.add(found.fact)
    return found.script, found.fact


def test_what_passes_is_tried_again_and_then_given_up(attempts: Attempts) -> None:
    texts = []
    for _ in range(3):
        text, fact = answer(attempts)
        assert fact is not None
        texts.append(text)
    assert texts[0] == (
        "#!ipxe\nimgfree ||\n"
        "echo Pixiecore: it could not load its kernel: connection timed out (ipxe.org/err/4c0a60); "
        "it tries again in 5 s (1 of 2)\n"
        f"sleep 5\nchain --replace {AGAIN}\n"
    )
    assert "sleep 10\n" in texts[1]
    assert texts[2].endswith("; the firmware goes on to its next boot entry\nexit 1\n")
    attempt = attempts.latest(MAC)
    assert attempt is not None
    assert attempt.outcome is Outcome.FAILED
    assert [fact.failures for fact in attempt.facts if isinstance(fact, StepFailed)] == [1, 2, 3]


def test_what_does_not_pass_is_given_up_at_once(attempts: Attempts) -> None:
    text, fact = answer(attempts, "initrd0", "0x2d0c613b")
    assert "it could not load its initial RAM disk 0: HTTP 404 (ipxe.org/err/2d0c61)" in text
    assert text.endswith("exit 1\n")
    assert fact is not None
    assert (fact.number, fact.retry) == ("2d0c613b", False)


def test_a_machine_that_was_refused_is_told_why_on_its_screen(attempts: Attempts) -> None:
    attempts.add(Ignored(mac=MAC, stage="script", reason="it is not in the list"))
    text, fact = answer(attempts, "script", "0x2d0c613b")
    assert "echo This machine is not to boot from here: it is not in the list; the firmware goes on" in text
    assert fact is None, "that has been told"


@pytest.mark.parametrize(
    ("ours", "since"),
    [
        (Failed(mac=MAC, via="HTTP", step="script", reason="there is no function 'X'"), "there is no function 'X'"),
        (PluginFailed(mac=MAC, plugin="api", hook="select_boot", reason="password=1"), "plugin 'api' failed"),
    ],
)
def test_why_there_was_no_script_is_on_the_screen_too(attempts: Attempts, ours: Fact, since: str) -> None:
    attempts.add(ours)
    text, _ = answer(attempts, "script", "0x1d0c6539")
    assert f"get its script: an HTTP 5xx answer, since {since} (ipxe.org/err/1d0c65)" in text
    assert "password" not in text


def test_a_machine_that_nobody_knows_is_answered(attempts: Attempts) -> None:
    text, fact = answer(attempts, "boot", "")
    assert "it could not start its kernel: an error that is not in our table; the firmware goes on" in text
    assert fact is not None
    assert fact.number == ""


@pytest.mark.parametrize(
    ("text", "page", "name"),
    [
        ("0xf0a6039", "0f0a60", "connection reset"),  # 2019 builds leave the leading zero out
        ("0x2d0c613b", "2d0c61", "HTTP 404"),
        ("0x2e008081", "2e0080", "not something that this iPXE can start"),
        ("0x7f048183", "7f0481", "the firmware refused to load the program"),
        ("0x4c999999", "4c9999", "timed out"),
        ("-1", "ffffff", UNKNOWN.name),
        (str(0x2D0C613B), "2d0c61", "HTTP 404"),
    ],
)
def test_numbers_are_known_by_name(text: str, page: str, name: str) -> None:
    error = ipxe_error(text)
    assert error is not None
    assert (error.page, error.row.name) == (page, name)


def test_rows_are_unique_and_say_what_to_do() -> None:
    assert len({row.number for row in ROWS}) == len(ROWS)
    assert all(row.cause and row.mend and len(row.number) in (2, 6) for row in ROWS)


@given(st.text())
def test_any_errno(text: str) -> None:
    error = ipxe_error(text)
    assert error is None or len(error.page) == 6


@given(st.text(max_size=40), st.text())
def test_no_report_becomes_a_command(errno: str, screen: str) -> None:
    text, _ = answer(Attempts(), "kernel", errno)
    first = [line.split(" ")[0] for line in text.splitlines()]
    assert set(first) <= {"#!ipxe", "imgfree", "echo", "sleep", "chain", "exit"}

"""What booted systems say: whose it is, which lines are steps, and that no timeline is flooded."""

from __future__ import annotations

from typing import Any

import pytest

from pixiecore_core import Fact, Machine
from pixiecore_core.engine.attempts import LINES_OF_ONE, Attempts, Outcome
from pixiecore_core.engine.callers import ADDRESSES, LATELY_SECONDS, Callers
from pixiecore_core.engine.milestones import MILESTONES, milestone
from pixiecore_core.engine.system_log import LINES_OF_ONE as RATION
from pixiecore_core.engine.system_log import SystemLog, Taken
from pixiecore_core.engine.words import sentence
from pixiecore_core.models.facts import AddressAsked, Booting, KernelSent, Logged, ScriptSent
from pixiecore_core.wire.syslog import SyslogLine

MAC, OTHER = "52:54:00:12:34:56", "52:54:00:00:00:02"
HERE, THERE = "192.0.2.100", "192.0.2.101"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> SystemLog:
    made = SystemLog(Callers(clock))
    made.hear(ScriptSent(mac=MAC, address=HERE))
    return made


def told(log: SystemLog, *lines: str, now: float = 100.0) -> list[str]:
    """What is told of lines, in words."""
    taken = [log.take(HERE, line.encode(), now) for line in lines]
    return [sentence(one.fact).removeprefix(f"{MAC} ") for one in taken if isinstance(one, Taken) and one.fact]


def test_an_address_is_the_newest_machines_that_was_served_there(log: SystemLog, clock: Clock) -> None:
    assert log.take(THERE, b"<13>a: b", 100) == "syslog-unknown"
    sent: dict[str, Any] = {"via": "HTTP", "file": "f", "purpose": "kernel", "bytes": 1, "size": 1, "seconds": 0.1}
    log.hear(KernelSent(mac=OTHER, address=HERE, **sent))
    taken = log.take(HERE, b"<13>a: b", 100)
    assert isinstance(taken, Taken)
    assert taken.mac == OTHER
    clock.now += LATELY_SECONDS
    assert log.take(HERE, b"<13>a: b", 100) == "syslog-unknown"
    assert not log.knows(HERE)


def test_a_system_with_another_address_than_its_ipxe_is_known(clock: Clock) -> None:
    callers = Callers(clock)
    callers.hear(ScriptSent(mac=MAC, address=HERE))
    callers.hear(AddressAsked(mac=MAC, client="firmware", asked_for="192.0.2.7"))
    callers.hear(AddressAsked(mac=MAC, client="its system", asked_for=THERE))
    callers.hear(AddressAsked(mac=OTHER, client="its system", asked_for=HERE))
    assert [callers.machine_at(one) for one in ("192.0.2.7", THERE, HERE)] == [None, MAC, MAC]


def test_few_addresses_are_remembered(clock: Clock) -> None:
    callers = Callers(clock)
    for number in range(ADDRESSES + 2):
        callers.hear(ScriptSent(mac=MAC, address=str(number)))
    assert [callers.machine_at(one) for one in ("0", "1", "2")] == [None, None, MAC]


def test_steps_are_told_once_each_and_other_lines_by_their_number(log: SystemLog) -> None:
    netcfg, partman = (f"<30>main-menu[1]: INFO: Menu item '{name}' selected" for name in ("netcfg", "partman-base"))
    assert told(log, "<6>kernel: Linux version 6", "<6>kernel: Command line", netcfg, netcfg, partman) == [
        "says: kernel: Linux version 6",
        "goes on to installer: network",
        "goes on to installer: partitioning",
    ]
    assert told(log, *["<6>anna: more"] * 10, now=129) == []
    assert told(log, "<6>anna: still there", "<6>anna: and there", now=130.5) == [
        "says: anna: still there (16 lines so far)"
    ]
    log.hear(ScriptSent(mac=MAC, address=HERE))
    assert told(log, "<6>kernel: Linux version 6", now=131) == ["says: kernel: Linux version 6"], "it begins anew"


def test_errors_are_told_but_not_all_and_no_repeats(log: SystemLog) -> None:
    assert told(log, "<3>a: broken", "<3>a: broken") == ["says: a: broken"]
    assert len(told(log, *(f"<2>a: broken {number}" for number in range(100)))) == 5
    assert len(told(log, "<2>a: later", now=200)) == 1


def test_one_machine_has_a_ration(log: SystemLog) -> None:
    answers = [log.take(HERE, b"<14>a: b", 100.0) for _ in range(int(RATION[1]) + 1)]
    assert answers[-1] == "syslog-rationed"
    assert isinstance(answers[-2], Taken)
    assert log.take(HERE, b"\0", 200.0) == "syslog-malformed"


def test_a_boot_is_not_forgotten_for_what_comes_after_it() -> None:
    attempts = Attempts(machines=3, facts=200)
    boot: list[Fact] = [ScriptSent(mac=MAC, address=HERE), Booting(mac=MAC)]
    for fact in boot:
        attempts.add(fact)
    for number in range(200):
        attempts.add(Logged(mac=MAC, text=f"line {number}", lines=number + 1))
        attempts.add(Logged(mac=MAC, text=f"error {number}", severity=3))
        attempts.add(Logged(mac=MAC, text=f"step {number}", step=f"installer: {number}"))
    facts = attempts.facts(MAC)
    assert facts[:2] == boot
    logged = [fact for fact in facts if isinstance(fact, Logged)]
    assert len(logged) == sum(LINES_OF_ONE.values())
    steps, errors = ([fact.text for fact in logged if fact.text.startswith(word)] for word in ("step", "error"))
    assert [steps[0], steps[-1], errors[0], errors[2], errors[-1]] == [
        *("step 0", "step 199", "error 0", "error 2", "error 199"),
    ]
    assert [fact.lines for fact in logged if fact.text.startswith("line")] == [200]
    attempt = attempts.latest(MAC)
    assert attempt is not None
    assert attempt.outcome is Outcome.BOOTED
    assert attempts._facts == len(facts)
    assert attempts.complete(Machine(mac=MAC)).mac == MAC


@pytest.mark.parametrize(
    ("program", "text", "step"),
    [
        ("main-menu", "Menu item 'partman-base' selected", "installer: partitioning"),
        ("main-menu", "INFO: Menu item 'grub-installer' selected", "installer: boot loader"),
        ("cloud-init", "Cloud-init v. 23.1.2-1 running 'init' at Thu, 26 Nov", "cloud-init: started"),
        ("cloud-init", "Cloud-init v. 23.1.2-1 finished at Thu, 26 Nov", "cloud-init: finished"),
        ("systemd", "Reached target Multi-User System.", "system: up"),
        ("systemd", "Reached target multi-user.target - Multi-User System.", "system: up"),
        ("systemd", "Started getty@tty1.service - Getty on tty1.", "login"),
        ("systemd", "Started Serial Getty on ttyS0.", "login"),
        ("sshd", "Accepted publickey for root from 192.0.2.1 port 1", "login"),
        ("login", "ROOT LOGIN on '/dev/tty1'", "login"),
        ("not-main-menu", "Menu item 'partman-base' selected", ""),
        ("kernel", "Reached target Multi-User System.", ""),
        ("main-menu", "Menu item 'unheard-of' selected", ""),
    ],
)
def test_what_lines_mean(program: str, text: str, step: str) -> None:
    assert milestone(SyslogLine(6, program, text)) == step


def test_every_row_has_a_source() -> None:
    assert all(row.source and row.step for row in MILESTONES)

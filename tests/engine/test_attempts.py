"""The one memory of machines: what belongs to one attempt, what begins another, and that it is bounded."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from pixiecore_core import Booting, Client, Fact, Failed, Held, Ignore, Machine, Noted, PxeRequest, ScriptOffered
from pixiecore_core.engine.attempts import (
    FACTS_OF_ONE,
    LATE_KEPT_SECONDS,
    SILENCE_SECONDS,
    Attempts,
    Outcome,
    question_of,
)
from pixiecore_core.models.facts import Ignored, Offered

MAC, OTHER = "52:54:00:12:34:56", "52:54:00:00:00:02"


def request(mac: str = MAC, client: Client = Client.PXE, **known: Any) -> PxeRequest:
    machine = Machine(mac=mac, **known)
    return PxeRequest(machine=machine, client=client, loader="bios", stage="dhcp", transaction_id=1, seconds=0)


def script_offered(mac: str = MAC) -> Fact:
    return ScriptOffered(mac=mac, stage="dhcp", client=Client.IPXE, variant="ipxe")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attempts(clock: Clock) -> Attempts:
    return Attempts(machines=3, facts=200, clock=clock)


def test_what_dhcp_told_completes_what_the_script_request_tells(attempts: Attempts) -> None:
    subnet = IPv4Network("192.0.2.0/24")
    attempts.asked(request(interface="eth0", subnet=subnet, hostname="firmware", bus_id="1af4:1000"))
    seen = attempts.complete(Machine(mac=MAC, serial="S1"))
    assert (seen.interface, seen.subnet, seen.serial, seen.hostname) == ("eth0", subnet, "S1", "firmware")
    assert seen.bus_id == "1af4:1000"
    attempts.asked(request(interface="eth1", relay=IPv4Address("10.0.0.1")))
    seen = attempts.complete(Machine(mac=MAC, hostname="ipxe"))
    assert (seen.interface, seen.subnet, seen.relay) == ("eth1", None, IPv4Address("10.0.0.1"))
    assert seen.hostname == "ipxe"
    unknown = Machine(mac=OTHER)
    assert attempts.complete(unknown) is unknown


@pytest.mark.parametrize(("address", "is_there"), [("192.0.2.77", True), ("198.51.100.7", False)])
def test_a_network_is_a_machines_only_if_it_asks_from_there(attempts: Attempts, address: str, is_there: bool) -> None:
    """A DISCOVER can be sent in any machine's name."""
    subnet = IPv4Network("192.0.2.0/24")
    attempts.asked(request(interface="eth0", subnet=subnet))
    seen = attempts.complete(Machine(mac=MAC, address=IPv4Address(address)))
    assert seen.subnet == (subnet if is_there else None)


def test_the_steps_of_a_boot_are_one_attempt(attempts: Attempts) -> None:
    first = attempts.asked(request())
    attempts.add(Offered(mac=MAC, stage="dhcp", client=Client.PXE, variant="bios"))
    assert (first.offered, first.outcome) == ("bios", Outcome.UNDER_WAY)
    assert attempts.asked(request()) is first, "firmware asks again"
    assert attempts.asked(request(client=Client.IPXE)) is first, "its iPXE asks"
    attempts.add(script_offered())
    attempts.add(Booting(mac=MAC))
    assert (first.offered, first.outcome) == ("ipxe", Outcome.BOOTING)
    assert [fact.kind for fact in first.facts] == ["offered", "script-offered", "booting"]


def test_a_machine_that_has_started_begins_anew(attempts: Attempts) -> None:
    first = attempts.asked(request())
    attempts.add(Booting(mac=MAC))
    second = attempts.asked(request())
    assert second.id != first.id
    attempts.add(script_offered())
    assert [fact.kind for fact in attempts.facts(MAC)] == ["booting", "script-offered"], "the one before is kept"
    attempts.add(Booting(mac=MAC))
    attempts.asked(request())
    assert [fact.kind for fact in attempts.facts(MAC)] == ["script-offered", "booting"], "and no older one"


def test_firmware_that_asks_after_its_ipxe_was_switched_off_and_on(attempts: Attempts) -> None:
    first = attempts.asked(request())
    attempts.asked(request(client=Client.IPXE))
    attempts.add(script_offered())
    assert attempts.asked(request(client=Client.IPXE)) is first
    assert attempts.asked(request()) is not first


def test_an_old_token_begins_nothing(attempts: Attempts) -> None:
    machine = Machine(mac="52:54:00:12:34:56")
    for identifier, began in (("one", 1000), ("two", 1100), ("three", 1200)):
        attempts.resume(machine, identifier, began)
    attempts.add(Booting(mac=machine.mac))
    for identifier, began in (("one", 1000), ("three", 1200), ("two", 1100), ("one", 1000)):
        attempts.resume(machine, identifier, began)
    latest = attempts.latest(machine.mac)
    assert latest is not None
    assert (latest.id, latest.outcome) == ("three", Outcome.BOOTING)


def test_an_attempt_of_another_instance_takes_the_place_of_an_older_one(clock: Clock) -> None:
    attempts, machine = Attempts(clock=clock, wall=lambda: 1000.9), Machine(mac=MAC)
    mine = attempts.asked(request())
    attempts.resume(machine, "before", 999)
    assert attempts.latest(MAC) is mine
    attempts.resume(machine, "in the same second", 1000)
    latest = attempts.latest(MAC)
    assert latest is not None
    assert (latest.id, latest.began) == ("in the same second", 1000)


def test_a_machine_that_was_silent_begins_anew(attempts: Attempts, clock: Clock) -> None:
    first = attempts.asked(request())
    clock.now += SILENCE_SECONDS - 1
    assert attempts.asked(request()) is first
    clock.now += SILENCE_SECONDS + 1
    assert attempts.asked(request()) is not first


@pytest.mark.parametrize(
    ("fact", "outcome"),
    [
        (Ignored(mac=MAC, stage="dhcp", reason="no"), Outcome.IGNORED),
        (Held(mac=MAC, asked_for="script", reason="wait", seconds=5), Outcome.HELD),
        (Failed(mac=MAC, via="HTTP", step="script", reason="no"), Outcome.FAILED),
        (Booting(mac=MAC), Outcome.BOOTING),
        (Noted(mac=MAC, plugin="p", text="x"), Outcome.UNDER_WAY),
    ],
)
def test_a_fact_says_how_it_stands(attempts: Attempts, fact: Fact, outcome: Outcome) -> None:
    attempt = attempts.asked(request())
    attempts.add(fact)
    assert attempt.outcome is outcome
    attempts.add(script_offered())
    assert attempt.outcome is Outcome.UNDER_WAY


def test_it_is_bounded_in_every_way(attempts: Attempts) -> None:
    macs = [f"52:54:00:00:00:{number:02x}" for number in range(5)]
    for mac in macs:
        for _ in range(FACTS_OF_ONE + 10):
            attempts.add(Booting(mac=mac))
    assert attempts.machines() == macs[:1:-1], "the latest three"
    assert len(attempts.facts(macs[-1])) == FACTS_OF_ONE
    assert attempts.facts(macs[0]) == []
    attempts.add(Booting(mac=None))
    assert len(attempts) == 3
    for _ in range(2):
        for mac in macs[2:]:  # each with the attempt before
            attempts.asked(request(mac))
            for _ in range(FACTS_OF_ONE):
                attempts.add(Booting(mac=mac))
    assert sum(len(attempts.facts(mac)) for mac in attempts.machines()) <= 200


def test_a_machine_heard_of_again_is_kept_longest(attempts: Attempts) -> None:
    for number in (1, 2, 3, 1, 4):
        attempts.add(Booting(mac=f"52:54:00:00:00:0{number}"))
    assert [mac[-1] for mac in attempts.machines()] == ["4", "1", "3"]


def test_a_late_decision_is_kept_for_the_same_question_once_and_for_a_while(attempts: Attempts, clock: Clock) -> None:
    asked, attempt, decision = request(), attempts.asked(request()), Ignore(reason="late")
    attempts.keep_late(attempt, question_of(asked), decision)
    assert attempts.take_late(attempt, question_of(request(client=Client.IPXE))) is None
    assert attempts.take_late(attempt, question_of(asked)) is decision
    assert attempts.take_late(attempt, question_of(asked)) is None
    attempts.keep_late(attempt, question_of(asked), decision)
    clock.now += LATE_KEPT_SECONDS
    assert attempts.take_late(attempt, question_of(asked)) is None

"""What machines did is known after a restart: as it was, within bounds, whatever the file holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixiecore_core.engine.attempts import FACTS_OF_ONE, Attempts, Outcome
from pixiecore_core.models import Fact, Machine
from pixiecore_core.models.facts import Booting, Noted, ScriptSent
from pixiecore_core.observe.history import History, KeptAttempt, record_of, restore
from pixiecore_core.state.store import StateStore
from tests.engine.samples import MAC, SAMPLES

OTHER = "52:54:00:00:00:02"


def remembered(*facts: Fact) -> Attempts:
    attempts = Attempts(clock=lambda: 1000.0)
    for fact in facts:
        attempts.add(fact)
    return attempts


def restored(attempts: Attempts, now: float = 2000.0) -> Attempts:
    """What another process remembers, by what this one has kept."""
    records: list[KeptAttempt] = []
    for mac in attempts.machines():
        attempt = attempts.latest(mac)
        assert attempt is not None
        records.append(KeptAttempt.model_validate_json(record_of(attempt).model_dump_json()))
    anew = Attempts(clock=lambda: 50.0)
    restore(anew, records, now)
    return anew


def test_each_kind_of_fact_comes_back() -> None:
    facts = [fact.model_copy(update={"mac": MAC}) for fact in SAMPLES]
    anew = restored(remembered(*facts))
    assert anew.facts(MAC) == facts


def test_a_machine_comes_back_as_it_was() -> None:
    attempts = remembered(ScriptSent(mac=MAC, at=10.0), Booting(mac=MAC, at=20.0))
    attempts.complete(Machine(mac=MAC, serial="S-1"))
    anew = restored(attempts, now=80.0).latest(MAC)
    assert anew is not None
    assert (anew.outcome, anew.heard, anew.ipxe_asked) == (Outcome.BOOTING, -10.0, False)
    assert anew.told is not None
    assert anew.told.serial == "S-1"


def test_those_heard_of_last_are_first_again() -> None:
    anew = restored(remembered(Booting(mac=MAC, at=1.0), Booting(mac=OTHER, at=2.0)))
    assert anew.machines() == [OTHER, MAC]


def test_a_record_of_another_release_is_passed_over() -> None:
    attempts = Attempts()
    record = KeptAttempt(
        machine=Machine(mac=MAC), id="x", outcome=Outcome.FAILED, began=1, heard=1, facts=[{"kind": "?"}]
    )
    restore(attempts, [record], 10.0)
    assert len(attempts) == 0


def test_a_record_is_bounded() -> None:
    notes = [Noted(mac=MAC, plugin="p" * 2000, text="x" * 300) for _ in range(FACTS_OF_ONE)]
    attempt = remembered(*notes).latest(MAC)
    assert attempt is not None
    record = record_of(attempt)
    assert len(record.model_dump_json()) < 65_536
    assert 0 < len(record.facts) < FACTS_OF_ONE


def test_what_has_changed_is_handed_over_once(tmp_path: Path) -> None:
    kept: list[str] = []
    attempts = Attempts()
    history = History(attempts, lambda mac, record: kept.append(mac))
    for mac in (MAC, OTHER, MAC):
        fact = Booting(mac=mac)
        attempts.add(fact)
        history.hear(fact)
    history.hear(Booting())
    history.flush(most=1)
    assert kept == [MAC]
    history.flush()
    history.flush()
    assert kept == [MAC, OTHER]


def test_it_outlives_the_process(tmp_path: Path) -> None:
    attempts, path = Attempts(), tmp_path / "history.sqlite"
    store = StateStore(path)
    records = store.records("attempts", KeptAttempt, 10)
    history = History(attempts, lambda mac, record: records.begin_change(mac, lambda before: record), store.close)
    attempts.add(fact := Booting(mac=MAC))
    history.hear(fact)
    history.flush()
    history.close()
    anew = StateStore(path).records("attempts", KeptAttempt, 10)
    (record,) = [one for one in anew.since(0).records.values() if one is not None]
    assert record.machine.mac == MAC


@pytest.mark.parametrize("size", [1, 100])
def test_no_more_come_back_than_are_remembered(size: int) -> None:
    attempts = Attempts(machines=2)
    records = [
        KeptAttempt(
            machine=Machine(mac=f"52:54:00:00:01:{n:02x}"), id="x", outcome=Outcome.FAILED, began=1, heard=n, facts=[]
        )
        for n in range(size)
    ]
    restore(attempts, records, 10.0)
    assert len(attempts) == min(size, 2)

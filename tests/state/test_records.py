"""Records by key: what is kept, changed, removed, listed, and what has changed since."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pixiecore_core import Records, StateError, StateStore
from pixiecore_core.state import sqlite, sqlite_tables
from pixiecore_core.state.records import LONGEST_KEY, LONGEST_RECORD

from .disks import Machine, becomes, opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


@pytest.fixture
def machines(path: Path) -> Records[Machine]:
    return opened(path)[1]


def test_a_record_is_kept_changed_and_removed(machines: Records[Machine], path: Path) -> None:
    assert machines.get("a") is None
    assert machines.change("a", becomes("armed")) == Machine(state="armed")
    assert machines.change("a", becomes("done")) == Machine(state="done", boots=1)
    assert machines.get("a") == opened(path)[1].get("a") == Machine(state="done", boots=1)
    assert machines.change("a", lambda known: None) is None
    assert machines.get("a") is None
    machines.change("b", becomes("armed"))
    assert machines.remove("b")
    assert not machines.remove("b")
    assert machines.all() == {}


def test_collections_are_apart(path: Path) -> None:
    store = StateStore(path)
    first, second = store.records("first", Machine), store.records("second", Machine)
    first.change("a", becomes("x"))
    assert second.get("a") is None
    assert second.since(0).records == {}


def test_all_of_them_in_the_order_of_their_keys(machines: Records[Machine]) -> None:
    for key in ("b", "ä", "a", '"quoted\\'):
        machines.change(key, becomes(key))
    assert machines.keys() == list(machines.all()) == ['"quoted\\', "a", "b", "ä"]
    assert machines.all()["ä"] == Machine(state="ä")


def test_what_a_change_raises_is_raised_and_nothing_is_changed(machines: Records[Machine]) -> None:
    machines.change("a", becomes("armed"))

    def fail(known: Machine | None) -> Machine:
        raise LookupError("no")

    good, bad, after = (machines.begin_change("a", how) for how in (becomes("x"), fail, becomes("y")))
    with pytest.raises(LookupError, match="no"):
        bad.wait()
    assert good.wait() == Machine(state="x", boots=1)
    assert after.wait() == machines.get("a") == Machine(state="y", boots=2)


def test_keys_and_records_are_small(machines: Records[Machine]) -> None:
    for key in ("", "x" * (LONGEST_KEY + 1), "a\nb", "\ud800"):
        with pytest.raises(ValueError, match="a key must be 1 to 256 printable characters"):
            machines.change(key, becomes("x"))
        with pytest.raises(ValueError, match="a key must be"):
            machines.get(key)
    with pytest.raises(ValueError, match="a record has at most 65,536 characters"):
        machines.change("a", becomes("x" * LONGEST_RECORD))
    assert machines.get("a") is None


def test_a_record_that_cannot_be_used_is_an_error_and_can_be_removed(machines: Records[Machine], path: Path) -> None:
    machines.change("a", becomes("x"))
    machines.change("b", becomes("x"))
    with sqlite3.connect(path) as other:
        other.execute("UPDATE records SET value = '{\"state\": 1}' WHERE key = 'a'")
    other.close()
    for ask in (lambda: machines.get("a"), lambda: machines.change("a", becomes("y")), machines.all):
        with pytest.raises(StateError, match=f"{path}: the record of a in 'machines' cannot be used: Input should be"):
            ask()
    assert machines.get("b") == Machine(state="x")
    assert machines.keys() == ["a", "b"]
    assert machines.remove("a")
    assert machines.get("a") is None


def test_what_has_changed_since(machines: Records[Machine]) -> None:
    assert (machines.since(0).records, machines.since(0).whole) == ({}, True)
    machines.change("b", becomes("x"))
    machines.change("a", becomes("x"))
    first = machines.since(0)
    assert list(first.records) == ["b", "a"]
    assert first.whole
    assert machines.since(first.mark).records == {}
    machines.change("a", lambda known: known)
    assert machines.since(first.mark).records == {}, "nothing has changed"
    machines.change("b", becomes("y"))
    machines.remove("a")
    machines.change("c", becomes("x"))
    later = machines.since(first.mark)
    assert later.records == {"b": Machine(state="y", boots=1), "a": None, "c": Machine(state="x")}
    assert not later.whole
    assert list(machines.since(0).records) == ["b", "c"]
    assert machines.since(later.mark + 1000).whole, "a mark from elsewhere"


def test_removals_are_remembered_for_a_while(machines: Records[Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_tables, "REMEMBERED_REMOVALS", 2)
    machines.change("a", becomes("x"))
    mark = machines.since(0).mark
    for number in range(2):
        machines.change(f"b{number}", becomes("x"))
        machines.remove(f"b{number}")
    assert machines.since(mark).records == {"b0": None, "b1": None}
    machines.change("b2", becomes("x"))
    machines.remove("b2")
    changed = machines.since(mark)
    assert changed.whole
    assert list(changed.records) == ["a"]
    assert not machines.since(changed.mark).whole


def test_a_collection_keeps_what_changed_last(path: Path) -> None:
    _, machines = opened(path, most=3)
    for change in [machines.begin_change(f"m{number}", becomes("x")) for number in range(5)]:
        change.wait()
    machines.change("m2", becomes("y"))
    assert machines.get("m0") is None
    machines.change("m5", becomes("x"))
    assert machines.keys() == ["m2", "m4", "m5"]
    assert machines.get("m3") is None
    assert machines.since(1).records["m3"] is None


def test_memory_is_bounded(machines: Records[Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "REMEMBERED", 3)
    for number in range(5):
        machines.change(f"m{number}", becomes("x"))
    for number in range(8):
        assert (machines.get(f"m{number}") is None) == (number >= 5)
    storage = machines._storage
    assert isinstance(storage, sqlite.SqliteStorage)
    assert len(storage._memory) == 3

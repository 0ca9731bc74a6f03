"""Tables of earlier releases become records, once, and nothing is decided by an empty table in their place."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pixiecore_core import ConfigError, Records, StateError, StateStore

from .disks import Machine, becomes

OLD = "CREATE TABLE IF NOT EXISTS machines (mac TEXT PRIMARY KEY, state TEXT NOT NULL, boots INTEGER)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "state.sqlite"
    with sqlite3.connect(path) as old:
        old.execute(OLD)
        old.executemany(
            "INSERT INTO machines VALUES (?, ?, ?)", [("a", "done", 1), ("b", "armed", 2), ("c", "x", None)]
        )
    old.close()
    return path


def taken_over(path: Path) -> tuple[StateStore, Records[Machine]]:
    store = StateStore(path)
    return store, store.records("machines", Machine, old_table="machines")


def test_rows_become_records_once(path: Path) -> None:
    _, machines = taken_over(path)
    assert machines.get("a") == Machine(state="done", boots=1)
    machines.remove("a")
    machines.change("b", becomes("done"))
    _, again = taken_over(path)
    assert again.get("a") is None
    assert again.get("b") == Machine(state="done", boots=3)


def test_a_row_that_cannot_be_used_is_an_error_for_its_machine_only(path: Path) -> None:
    _, machines = taken_over(path)
    with pytest.raises(StateError, match="the record of c in 'machines' cannot be used"):
        machines.get("c")
    assert machines.keys() == ["a", "b", "c"]


def test_an_earlier_release_cannot_go_on_with_an_empty_table(path: Path) -> None:
    """One that still runs, or that was gone back to: its question fails, and its machine is held."""
    running = sqlite3.connect(path)
    assert running.execute("SELECT state FROM machines WHERE mac = 'a'").fetchone() == ("done",)
    taken_over(path)[0].prepare("--database")
    anew = sqlite3.connect(path)
    anew.execute(OLD)
    for connection in (running, anew):
        with pytest.raises(sqlite3.OperationalError, match=r"no such table: main\.kept_by_a_later_pixiecore"):
            connection.execute("SELECT state FROM machines WHERE mac = 'a'")
        connection.close()
    assert taken_over(path)[1].get("a") == Machine(state="done", boots=1)


def test_what_fails_half_way_takes_over_nothing(path: Path) -> None:
    def fail(row: dict[str, object]) -> dict[str, object]:
        raise LookupError("half way")

    store = StateStore(path)
    store.records("machines", Machine, old_table="machines", old_record=fail)
    with pytest.raises(LookupError, match="half way"):
        store.prepare("--database")
    assert taken_over(path)[1].get("a") == Machine(state="done", boots=1)


def test_one_table_may_become_several_collections(path: Path) -> None:
    store = StateStore(path)
    done = store.records("done", Machine, old_table="machines", old_record=lambda row: _if(row, "done"))
    armed = store.records("armed", Machine, old_table="machines", old_record=lambda row: _if(row, "armed"))
    assert done.all() == {"a": Machine(state="done", boots=1)}
    assert armed.all() == {"b": Machine(state="armed", boots=2)}


def _if(row: dict[str, object], state: str) -> dict[str, object] | None:
    return row if row["state"] == state else None


def test_an_old_table_is_named_before_the_file_is_open(path: Path) -> None:
    store = StateStore(path)
    store.prepare("--database")
    with pytest.raises(RuntimeError, match="is open already"):
        store.records("machines", Machine, old_table="machines")


def test_a_file_that_is_read_only_is_not_taken_over_and_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda path, **options: connect(f"file:{path}?mode=ro", uri=True, **options)
    )
    with pytest.raises(ConfigError, match=f"--database: {path} cannot be used: attempt to write a readonly database"):
        taken_over(path)[0].prepare("--database")

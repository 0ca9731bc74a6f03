"""The SQLite file: shared with other processes, and whatever happens to it meanwhile."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest

from pixiecore_core import ConfigError, Records, StateError, StateStore
from pixiecore_core.state import worker
from pixiecore_core.state.sqlite_file import Stamp, is_settled

from .disks import Disk, Machine, becomes, disk, make_full, make_room, opened

__all__ = ["disk"]  # a fixture

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "state.sqlite"


@pytest.fixture
def machines(path: Path) -> Records[Machine]:
    return opened(path)[1]


def test_its_folder_is_its_user_s_alone(machines: Records[Machine], path: Path) -> None:
    assert path.parent.stat().st_mode & 0o777 == 0o700
    machines.change("a", becomes("x"))
    assert [file.name for file in path.parent.iterdir()] == [path.name], "one file, which can be copied and moved"


def test_a_file_that_is_removed_or_replaced_is_an_error_until_it_is_back(
    machines: Records[Machine], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An empty one in its place would say that no machine has booted yet."""
    machines.change("a", becomes("done"))
    aside = path.with_name("aside")
    path.rename(aside)
    questions: list[Callable[[], object]] = [
        lambda: machines.get("a"),
        lambda: machines.change("a", becomes("x")),
        machines.all,
    ]
    for ask in questions:
        with pytest.raises(StateError, match=rf"^{path} has been removed; put the old one back, or restart the server"):
            ask()
    assert not path.exists()
    assert opened(path)[1].get("a") is None
    for ask in questions:
        with pytest.raises(StateError, match=f"{path} is another file than the one that was opened"):
            ask()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    aside.rename(path)
    assert machines.get("a") == Machine(state="done")
    assert machines.change("a", becomes("x")) == Machine(state="x", boots=1)
    assert [record.getMessage() for record in caplog.records][1:] == [f"{path} is back"]


def test_a_file_that_is_moved_away_during_a_change_keeps_nothing(path: Path) -> None:
    _, machines = opened(path)
    aside = path.with_name("aside")

    def move(known: Machine | None) -> Machine:
        path.rename(aside)
        return Machine(state="x")

    with pytest.raises(StateError, match="has been removed"):
        machines.change("a", move)
    aside.rename(path)
    assert machines.get("a") is None


def test_a_store_that_was_closed_opens_its_file_anew(path: Path) -> None:
    store, machines = opened(path)
    machines.change("a", becomes("x"))
    store.close()
    assert machines.get("a") == Machine(state="x")
    store.close()
    path.unlink()
    assert machines.get("a") is None


def test_every_change_of_another_process_is_seen_at_once(machines: Records[Machine], path: Path) -> None:
    """Also one within the same tick of the file system's clock."""
    _, others = opened(path)
    for number in range(30):
        others.change("a", becomes("x"))
        assert machines.get("a") == Machine(state="x", boots=2 * number)
        machines.change("a", becomes("y"))
        assert others.get("a") == Machine(state="y", boots=2 * number + 1)
    gevent.sleep(0.1)
    assert machines.get("a") == machines.get("a") == Machine(state="y", boots=59)
    others.remove("a")
    assert machines.get("a") is None


def test_when_a_stamp_can_be_trusted() -> None:
    now = 1_700_000_000.5

    def changed(seconds_ago: float, whole: bool = False) -> Stamp:
        at = now - seconds_ago
        return 1, 1, 1, 1, int(at) * 1_000_000_000 if whole else int(at * 1_000_000_000)

    assert not is_settled(changed(0.01), now)
    assert is_settled(changed(0.1), now)
    assert not is_settled(changed(-5), now), "the clock was put back"
    assert not is_settled(changed(1.5, whole=True), now), "the file system may keep whole seconds only"
    assert is_settled(changed(4, whole=True), now)


def test_a_file_that_another_process_holds_for_too_long_is_an_error_and_works_again(
    machines: Records[Machine], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "PATIENCE", 0.1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateError, match=rf"^{path} cannot be used: database is locked$"):
        machines.change("a", becomes("x"))
    assert machines.get("a") is None, "it can be read while another process is about to write"
    other.execute("ROLLBACK")
    other.close()
    assert machines.change("a", becomes("x")) == Machine(state="x")


def test_a_change_waits_until_others_have_read(machines: Records[Machine], path: Path) -> None:
    """SQLite asks for the file a second time when it commits."""
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM records").fetchall()
    change = gevent.spawn(machines.change, "a", becomes("x"))
    gevent.sleep(0.2)
    assert not change.ready()
    reader.execute("COMMIT")
    reader.close()
    assert change.get(timeout=20) == machines.get("a") == Machine(state="x")


def test_a_disk_that_is_full_changes_nothing_and_is_told(path: Path) -> None:
    store, machines = opened(path)
    machines.change("a", becomes("x"))
    make_full(path)
    changes = [machines.begin_change(key, becomes("y")) for key in ("a", "b")]
    for change in changes:
        with pytest.raises(StateError, match=f"{path} cannot be used: database or disk is full"):
            change.wait()
    with pytest.raises(StateError, match="disk is full"):
        store.probe()
    assert machines.get("a") == Machine(state="x")
    assert machines.get("b") is None
    make_room(path)
    store.probe()
    assert machines.change("b", becomes("y")) == Machine(state="y")


def test_what_cannot_be_committed_is_not_kept(path: Path, disk: Disk) -> None:
    _, machines = opened(path)
    machines.change("a", becomes("x"))

    def fail() -> None:
        raise sqlite3.OperationalError("disk I/O error")

    disk.before_commit = fail
    with pytest.raises(StateError, match="disk I/O error"):
        machines.change("a", becomes("y"))
    disk.before_commit = lambda: None
    assert machines.get("a") == Machine(state="x")
    assert machines.change("a", becomes("z")) == Machine(state="z", boots=1)


def test_a_probe_changes_nothing(path: Path) -> None:
    store, machines = opened(path)
    machines.change("a", becomes("x"))
    mark = machines.since(0).mark
    store.probe()
    assert machines.since(mark).records == {}


def test_what_cannot_be_a_database_is_named_with_its_option(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database" * 1000)
    for path, reason in ((tmp_path / "text", "file is not a database"), (tmp_path / "text" / "x", "File exists")):
        with pytest.raises(ConfigError, match=f"--once-database: {path} cannot be used: .*{reason}"):
            StateStore(path).prepare("--once-database")


def test_a_file_that_breaks_under_a_running_server_is_an_error(machines: Records[Machine], path: Path) -> None:
    machines.change("a", becomes("x"))
    path.write_text("rubbish" * 1000)
    with pytest.raises(StateError, match="file is not a database"):
        machines.get("a")


def test_the_file_of_a_later_release_is_left_alone(machines: Records[Machine], path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 2")
    other.close()
    with pytest.raises(ConfigError, match=f"{path}: a later Pixiecore made it .its format is 2; this one knows 1"):
        opened(path)


_HAMMER = """
import sys
from pathlib import Path
from tests.state.disks import becomes, opened
_, machines = opened(Path(sys.argv[1]))
for number in range(50):
    machines.change("a", becomes("x"))
"""


def test_processes_that_write_at_the_same_time(path: Path) -> None:
    """They also make the file at the same time."""
    command = [sys.executable, "-W", "error", "-c", _HAMMER, str(path)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert opened(path)[1].get("a") == Machine(state="x", boots=99)

"""Neither a write nor an fsync nor waiting for another process stops the event loop, whatever waits."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from pixiecore_core import StateError
from pixiecore_core.state.worker import Job, Worker

from .disks import Disk, Machine, Ticks, becomes, disk, opened, until

__all__ = ["disk"]  # a fixture

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


@pytest.fixture
def ticks() -> Iterator[Ticks]:
    ticks = Ticks()
    yield ticks
    ticks.stop()


def test_a_slow_commit_stops_nobody_else(path: Path, disk: Disk, ticks: Ticks) -> None:
    """The commit ends only after the loop has turned fifty times meanwhile."""
    _, machines = opened(path)

    def slow() -> None:
        before = ticks.count
        until(lambda: ticks.count >= before + 50)

    disk.before_commit = slow
    change = machines.begin_change("a", becomes("armed"))
    gevent.sleep(0.01)
    assert not change.done, "it is not kept yet"
    waiting = gevent.spawn(machines.get, "a")
    assert change.wait() == Machine(state="armed")
    assert waiting.get(timeout=20) in (None, Machine(state="armed"))
    assert machines.get("a") == Machine(state="armed")


def test_changes_of_many_share_a_commit(path: Path, disk: Disk, ticks: Ticks) -> None:
    _, machines = opened(path)
    begun: list[str] = []

    def slow() -> None:
        until(lambda: len(begun) == 100)

    def change(key: str) -> None:
        begun.append(key)
        machines.change(key, becomes("done"))

    disk.commits, disk.before_commit = 0, slow
    gevent.joinall([gevent.spawn(change, f"m{number:03}") for number in range(100)], raise_error=True)
    assert len(machines.all()) == 100
    assert disk.commits <= 5  # the first alone, the others together, and reading


def test_it_waits_for_another_process_while_the_loop_turns(path: Path, ticks: Ticks) -> None:
    _, machines = opened(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    change = gevent.spawn(machines.change, "a", becomes("armed"))
    question = gevent.spawn(machines.get, "b")
    before = ticks.count
    while ticks.count < before + 50:
        gevent.sleep(0.001)
    assert not change.ready()
    assert not question.ready()
    other.execute("COMMIT")
    other.close()
    assert change.get(timeout=20) == Machine(state="armed")
    assert question.get(timeout=20) is None


def test_what_is_remembered_is_read_while_a_commit_is_slow(path: Path, disk: Disk) -> None:
    _, machines = opened(path)
    machines.change("a", becomes("armed"))
    machines.get("a")
    answers: list[Machine | None] = []
    committing: list[bool] = []

    def slow() -> None:
        committing.append(True)
        until(lambda: len(answers) == 10)

    disk.before_commit = slow
    change = machines.begin_change("b", becomes("armed"))
    while not committing:
        gevent.sleep(0.001)
    for _ in range(10):
        answers.append(machines.get("a"))
        gevent.sleep(0.001)
    change.wait()
    assert answers == [Machine(state="armed")] * 10


def test_giving_up_waiting_does_not_take_a_change_back(path: Path, disk: Disk) -> None:
    store, machines = opened(path)
    gave_up: list[bool] = []
    disk.before_commit = lambda: until(lambda: bool(gave_up))
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.05):
        machines.change("a", becomes("armed"))
    gave_up.append(True)
    store.close()
    assert machines.get("a") == Machine(state="armed")


def test_threads_without_a_loop_share_it(path: Path) -> None:
    _, machines = opened(path)
    failures: list[BaseException] = []

    def count() -> None:
        try:
            for _ in range(10):
                machines.change("a", becomes("x"))
                machines.get("a")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert machines.get("a") == Machine(state="x", boots=79)


_PATCHED = """
from gevent import monkey
monkey.patch_all()
import sys, gevent
from pathlib import Path
from tests.state.disks import Ticks, becomes, opened
store, machines = opened(Path(sys.argv[1]))
ticks = Ticks()
gevent.joinall([gevent.spawn(machines.change, "a", becomes("x")) for _ in range(50)], raise_error=True)
assert machines.get("a").boots == 49 and ticks.count > 1
"""


def test_a_patched_process(path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", _PATCHED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert opened(path)[1].get("a") == Machine(state="x", boots=49)


def test_what_waits_for_the_disk_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixiecore_core.state.worker.MOST_WAITING", 3)
    go = threading.Event()

    def run(jobs: object) -> list[Job]:
        go.wait(20)
        return []

    worker = Worker(run)
    worker.submit(Job())
    with pytest.raises(StateError, match="the disk is too slow: 3 changes wait for it"):  # noqa: PT012 - one is at work
        for _ in range(4):
            worker.submit(Job())
    go.set()


def test_nobody_waits_for_ever_for_work_that_breaks() -> None:
    def run(jobs: object) -> list[Job]:
        raise ZeroDivisionError

    worker = Worker(run)
    for _ in range(2):
        job = Job()
        worker.submit(job)
        with pytest.raises(ZeroDivisionError):
            job.pending.wait()


def test_records_are_read_without_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy is asked thousands of times a second."""
    _, machines = opened(path)
    machines.change("a", becomes("armed"))
    gevent.sleep(0.1)  # until a later change is certain to have another time
    for key in ("a", "b"):
        machines.get(key)
    monkeypatch.setattr(machines._storage, "get", None)
    for _ in range(10):
        assert machines.get("a") == Machine(state="armed")
        assert machines.get("b") is None

"""Workers: bounded, reused, and one task's failure is not another's."""

from __future__ import annotations

import gevent
import pytest

from pixiecore_core.net.workers import Workers


def test_tasks_run_and_are_waited_for() -> None:
    workers, done = Workers(10), []
    for number in range(5):
        workers.spawn(lambda number=number: (gevent.sleep(0.01), done.append(number)))
    workers.join(timeout=1)
    assert sorted(done) == list(range(5))
    with gevent.Timeout(1):
        workers.join(timeout=30)


def test_there_are_never_more_than_allowed_and_they_are_used_again() -> None:
    workers = Workers(2)
    greenlets = []
    for _ in range(2):
        workers.spawn(lambda: (greenlets.append(gevent.getcurrent()), gevent.sleep(0.01)))
    assert workers.full()
    workers.join(timeout=1)
    assert not workers.full()
    workers.spawn(lambda: greenlets.append(gevent.getcurrent()))
    workers.join(timeout=1)
    assert greenlets[2] in greenlets[:2]


def test_a_task_that_raises_is_printed_and_the_next_one_runs(capsys: pytest.CaptureFixture[str]) -> None:
    workers, done = Workers(1), []
    workers.spawn(lambda: 1 / 0)
    workers.join(timeout=1)
    workers.spawn(lambda: done.append(True))
    workers.join(timeout=1)
    assert done
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_killing_ends_what_is_under_way() -> None:
    workers, done = Workers(5), []
    workers.spawn(lambda: (gevent.sleep(0.05), done.append(True)))
    gevent.sleep(0)
    workers.kill()
    gevent.sleep(0.1)
    assert not done
    assert not workers.full()


def test_a_burst_does_not_leave_its_greenlets_behind() -> None:
    workers = Workers(1000)
    for _ in range(500):
        workers.spawn(gevent.sleep, 0.01)
    workers.join(timeout=1)
    gevent.sleep(0)
    assert len(workers._all) <= 64

"""A disk that takes its time, under `once`: machines are answered meanwhile, and no finished boot is lost.

With an fsync of 8 ms on the event loop and 60 finished boots a second, 9 of 12 DISCOVERs got no answer within a second,
and boots were missing from the record while the log said that the machines had started: they were installed again.
"""

from __future__ import annotations

from pathlib import Path

import gevent
import pytest
from pixiecore_once import Once, OnceSettings
from pixiecore_once.state import States

from pixiecore_core import BootSpec, FileRef
from pixiecore_core.state.native import sleep
from pixiecore_core.testing import FixedBooter, Netboot
from tests.state.disks import Disk, Ticks, disk

__all__ = ["disk"]  # a fixture
MACHINES = [f"52:54:00:00:01:{number:02x}" for number in range(60)]


def test_boots_are_kept_and_machines_are_answered(tmp_path: Path, disk: Disk) -> None:
    database = tmp_path / "once.sqlite"
    spec = BootSpec(kernel=FileRef(location=__file__))
    machines = Netboot(FixedBooter(spec), Once(OnceSettings(enabled=True, database=database)))
    ticks = Ticks()
    stalled: list[int] = []

    def slow_fsync() -> None:
        before = ticks.count
        sleep(0.008)
        if ticks.count == before:
            stalled.append(before)

    disk.before_commit, disk.commits = slow_fsync, 0
    for mac in MACHINES:
        assert machines.boot(mac) is not None
        assert machines.discover("52:54:00:00:02:00") is not None
        gevent.sleep(0)
    ticks.stop()
    machines.close()
    assert disk.commits > 0
    assert len(stalled) < disk.commits, "the loop turns while the disk works"
    assert {known.mac: known.state for known in States(database).all()} == dict.fromkeys(MACHINES, "done")


def test_a_machine_that_has_booted_is_refused_while_its_record_is_on_its_way(tmp_path: Path, disk: Disk) -> None:
    database = tmp_path / "once.sqlite"
    spec = BootSpec(kernel=FileRef(location=__file__))
    machines = Netboot(FixedBooter(spec), Once(OnceSettings(enabled=True, database=database)))
    disk.before_commit = lambda: sleep(0.05)
    for mac in MACHINES[:5]:
        assert machines.boot(mac) is not None
        machines.settle()
        with pytest.raises(LookupError, match="404 you don't netboot: it has booted once"):
            machines.script(mac)
    machines.close()

"""The page of compatibility says what the lab has written down, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import compatibility, rival
from tests.lab.machines import BY_STOCK_IPXE, MACHINES, WITHOUT_IPXE
from tests.lab.timings import VARIABLE, Timing, record, recorded


def test_what_is_written_down_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timings = [Timing("a", "iPXE", 8.25), Timing("b", "to its disk, by silence", None, "not there after 200 s")]
    monkeypatch.delenv(VARIABLE, raising=False)
    record(timings[0])  # nobody collects
    monkeypatch.setenv(VARIABLE, str(tmp_path / "timings"))
    for timing in timings:
        record(timing)
    assert recorded(tmp_path / "timings") == timings


def test_the_page_has_a_row_for_each_boot() -> None:
    timings = [
        Timing("a", "iPXE of 2025", 8.25),
        Timing("b", "to its disk", 9.0),
        Timing("b", "to its disk, by silence", None, "not there after 200 s"),
        Timing("c", "U-Boot", 8.0, rival="by hand"),
    ]
    text = compatibility.page(timings, {"a": "as a proxy it does not"}, "Measured here.")
    assert [line for line in text.splitlines() if line.startswith("| `")] == [
        "| `a` | iPXE of 2025 | 8.2 | as a proxy it does not |",
        "| `b` | to its disk | 9.0 | only by a script of one's own |",
        "| `b` | to its disk, by silence | not there after 200 s | the same |",
        "| `c` | U-Boot | 8.0 | by hand |",
    ]
    assert text.endswith("\n\nMeasured here.\n")


def test_dnsmasq_is_told_of_every_machine_but_those_of_http_boot() -> None:
    for machine in (MACHINES | BY_STOCK_IPXE | WITHOUT_IPXE).values():
        assert rival.loader_name(machine) in rival._SYSTEMS
        assert bool(rival.cannot(machine)) == ("http" in machine.name or machine.posing)

"""What the lab's boots took, written down for the page of compatibility where somebody collects it.

One line of JSON for each boot, into the file that PIXIECORE_LAB_TIMINGS names; without it, nothing. Measures nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "PIXIECORE_LAB_TIMINGS"


@dataclass(frozen=True)
class Timing:
    """One boot, in a network without router advertisements."""

    machine: str
    way: str
    """What it went by, in words."""
    seconds: float | None
    """From power-on to the marker; ``None`` where it was not there in time."""
    note: str = ""
    rival: str = ""
    """Why dnsmasq is not measured with it, if so."""


def record(timing: Timing) -> None:
    """Write it down, if somebody collects."""
    if path := os.environ.get(VARIABLE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(timing)) + "\n")


def recorded(path: Path) -> list[Timing]:
    """What was written down."""
    return [Timing(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]

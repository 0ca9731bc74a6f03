"""Growth is told from noise; and the soak itself runs, for some seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.soak.growth import SLACK, growth


def samples(**changes: float) -> list[dict[str, float]]:
    """Two minutes' worth, each measure with some noise, and with what it grows by each time."""
    random = Random(1)
    return [
        {name: 100 + random.uniform(-1, 1) + number * changes.get(name.split(",")[0], 0) for name in SLACK}
        for number in range(24)
    ]


def test_noise_and_one_peak_are_no_growth() -> None:
    flat = samples()
    flat[-2] = dict.fromkeys(SLACK, 1000.0)
    assert growth(flat) == []
    assert growth([]) == []


def test_what_has_grown_before_is_no_growth() -> None:
    assert growth([dict.fromkeys(SLACK, 1.0)] * 8 + samples()[:16]) == []


@pytest.mark.parametrize(("measure", "by"), [("RSS", 1.0), ("descriptors", 2.0), ("threads", 0.6)])
def test_a_leak_is_growth(measure: str, by: float) -> None:
    (told,) = growth(samples(**{measure: by}))
    assert told.startswith(measure)


@pytest.mark.lab
def test_a_short_soak() -> None:
    """Whether it grows in so short a time says nothing; that all of it works does."""
    command = [sys.executable, "-m", "tests.soak", "--minutes", "0.2", "--fill", "50", "100"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False, timeout=100
    )
    assert "boots" in done.stdout, done.stderr
    assert "a boot went wrong" not in done.stdout, done.stdout
    assert "the server ended" not in done.stdout, done.stdout

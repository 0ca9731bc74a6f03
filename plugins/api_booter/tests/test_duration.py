"""Durations as Go writes them, and plain seconds."""

from __future__ import annotations

import pytest
from pixiecore_api_booter.duration import seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5s", 5),
        ("500ms", 0.5),
        ("1m30s", 90),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("1.s", 1),
        ("+2s", 2),
        ("250µs", 0.00025),
        ("250us", 0.00025),
        ("7", 7),
        ("0.25", 0.25),
        (" 3s ", 3),
    ],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "s", "5 s", "5sec", "1h-5m", "nan", "inf", "1d", "five", "5s5"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="no duration such as 5s"):
        seconds(text)


def test_numbers_are_left_alone() -> None:
    assert seconds(5) == 5

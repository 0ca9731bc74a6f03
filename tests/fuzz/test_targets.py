"""Every fuzz target, with its seeds and a few hundred changed ones: the same on every run."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.fuzzing import import_targets
from tests.fuzz.mutating import mutated
from tests.fuzz.target import TARGETS, check_pace

import_targets(guided=False)
INPUTS = 150


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_gets_more_out_of_a_parser_than_its_own_error(name: str) -> None:
    target, random = TARGETS[name], Random(name)
    for data in (b"", *target.seeds, *(mutated(random, target.seeds, target.words) for _ in range(INPUTS))):
        try:
            target.run(data)
        except Exception as error:
            error.add_note(f"the input: {data!r}")
            raise


def test_what_takes_the_square_of_the_time_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.target._NOTICEABLE", 0.01)
    with pytest.raises(AssertionError, match="more than in proportion"):
        check_pace(lambda text: [text.count("x") for _ in range(len(text) // 8)], "ab")
    check_pace(str.upper, "ab")

"""A few rooms of machines in every order, on every run; ``make fuzz`` plays as many as there is time for."""

from __future__ import annotations

from tests.fuzz.interleaving import check


def test_no_machine_sees_what_is_anothers_and_nothing_grows() -> None:
    check(rooms=15, steps=60, derandomize=True)

"""Rations: so much at once, so much a second, whoever asks."""

from __future__ import annotations

from pixiecore_core.boot import rationing
from pixiecore_core.boot.rationing import Ration, Rations


def test_a_ration_is_used_up_and_comes_back() -> None:
    ration = Ration(per_second=2, most=3)
    assert [ration.take(50.0) for _ in range(4)] == [True, True, True, False]
    assert [ration.take(50.5) for _ in range(2)] == [True, False]
    assert [ration.take(9999.0) for _ in range(4)] == [True, True, True, False], "never more than the most"


def test_who_asks_too_much_takes_nothing_from_the_others() -> None:
    rations = Rations((1, 2), (1, 4))
    assert [rations.take("greedy", 0.0) for _ in range(50)].count(True) == 2
    assert [rations.take("modest", 0.0) for _ in range(2)] == [True, True]
    assert not rations.take("third", 0.0), "until all have had what there is for all"


def test_made_up_names_cost_no_memory() -> None:
    rations = Rations((1, 2), (1, 4))
    for number in range(10_000):
        rations.take(number, 0.0)
    assert len(rations._by_name) <= rationing._REMEMBERED

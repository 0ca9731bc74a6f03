"""Who gives way to whom: bookkeeping alone, no sockets."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.net.connections import GAVE_WAY, TOO_MANY, Connections, Shares

A, B, C = "192.0.2.1", "192.0.2.2", "198.51.100.1"


class House:
    """Four places, two for each address, three for each in 198.51.100.0/24; connections are numbers."""

    def __init__(self) -> None:
        self.ended: list[int] = []
        self.told: list[str] = []
        shares = Shares(places=4, one=2, many=3, shared=[IPv4Network("198.51.100.0/24")])
        self.connections: Connections[int] = Connections(shares, self.ended.append, self.told.append)

    def enter(self, *newcomers: int, address: str) -> list[bool]:
        return [self.connections.enter(newcomer, address) for newcomer in newcomers]


def test_an_addresss_own_longest_idle_gives_way_first() -> None:
    house = House()
    assert house.enter(1, 2, 3, address=A) == [True, True, True]
    assert (house.ended, house.told) == ([1], [GAVE_WAY])


def test_a_connection_that_has_rested_again_is_the_youngest() -> None:
    house = House()
    house.enter(1, 2, address=A)
    house.connections.work(1)
    house.connections.rest(1)
    house.enter(3, address=A)
    assert house.ended == [2]


def test_nobody_gives_way_who_has_work() -> None:
    house = House()
    house.enter(1, 2, address=A)
    house.connections.work(1)
    house.connections.work(2)
    assert house.enter(3, address=A) == [False]
    assert (house.ended, house.told) == ([], [TOO_MANY])
    house.connections.leave(1)
    assert house.enter(3, address=A) == [True]


def test_the_longest_idle_of_all_gives_way_when_all_places_are_taken() -> None:
    house = House()
    house.enter(1, address=A)
    house.enter(2, 3, address=B)
    house.enter(4, address=C)
    house.connections.work(1)
    assert house.enter(5, address=C) == [True]
    assert house.ended == [2]


def test_of_the_longest_idle_one_of_the_greediest_address_gives_way() -> None:
    """A machine's single connection stays, though its request has not been read yet."""
    house = House()
    house.enter(1, address=A)
    house.enter(2, 3, 4, address=C)
    assert house.enter(5, address=B) == [True]
    assert house.ended == [2]


def test_where_all_have_work_newcomers_wait_outside() -> None:
    house = House()
    house.enter(1, address=A)
    house.enter(2, 3, 4, address=C)
    for number in (1, 2, 3, 4):
        assert not house.connections.blocked
        house.connections.work(number)
    assert house.connections.blocked
    assert house.enter(5, address=B) == [False]
    house.connections.rest(1)
    assert not house.connections.blocked


def test_a_shared_address_may_have_more() -> None:
    house = House()
    assert all(house.enter(1, 2, 3, address=C))
    assert house.ended == []
    house.enter(4, address=C)
    assert house.ended == [1]


def test_one_that_has_given_way_may_go_on_for_a_moment() -> None:
    """Its greenlet finds out later."""
    house = House()
    house.enter(1, 2, 3, address=A)
    house.connections.work(1)
    house.connections.rest(1)
    house.connections.leave(1)
    assert len(house.connections) == 2
    assert 1 not in house.connections


@given(
    st.lists(
        st.tuples(st.sampled_from(["enter", "work", "rest", "leave"]), st.integers(0, 9), st.sampled_from([A, B, C]))
    )
)
def test_there_are_never_more_than_there_may_be(steps: list[tuple[str, int, str]]) -> None:
    house, model = House(), dict[int, tuple[str, bool]]()
    for step, number, address in steps:
        before = len(house.ended)
        if step == "enter":
            if number in model:
                continue
            busy = {known for known, (_, works) in model.items() if works}
            taken_in = house.connections.enter(number, address)
            for gone in house.ended[before:]:
                assert gone not in busy
                del model[gone]
            if taken_in:
                model[number] = address, False
        else:
            getattr(house.connections, step)(number)
            if number in model:
                _apply(model, step, number)
        assert len(house.connections) == len(model) <= 4
        for one, most in ((A, 2), (B, 2), (C, 3)):
            assert sum(owner == one for owner, _ in model.values()) <= most


def _apply(model: dict[int, Any], step: str, number: int) -> None:
    if step == "leave":
        del model[number]
    else:
        model[number] = model[number][0], step == "work"

"""What is said of a name that does not exist."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core import no_such


def test_the_closest_name_or_else_all() -> None:
    assert no_such("recipe", "debain", ["ubuntu", "debian"]) == "there is no recipe 'debain'; did you mean 'debian'?"
    assert no_such("recipe", "x", ["ubuntu", "debian"]) == "there is no recipe 'x'; known are debian, ubuntu"
    assert no_such("recipe", "x", []) == "there is no recipe 'x'; known are none"


def test_what_is_listed_may_be_said_in_an_order_of_its_own() -> None:
    assert no_such("version", "13", ["b", "a"], ["b", "others"]) == "there is no version '13'; known are b, others"
    assert no_such("version", "bb", ["b", "a"], ["a"]) == "there is no version 'bb'; did you mean 'b'?"


@given(st.text(), st.lists(st.text()))
def test_any_name_gets_a_line(name: str, known: list[str]) -> None:
    assert no_such("thing", name, known).startswith(f"there is no thing {name!r}; ")

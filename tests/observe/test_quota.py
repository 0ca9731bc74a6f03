"""How many lines of a kind the log takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.observe import quota
from pixiecore_core.observe.quota import LeftOut, Quota


def test_so_many_and_no_more_until_the_time_is_over() -> None:
    lines: Quota[str] = Quota(2, 10.0)
    assert [lines.allows("a", f"line {number}", None, 0.0) for number in range(4)] == [True, True, False, False]
    assert lines.allows("b", "another", None, 1.0)
    assert lines.ended(9.9) == []
    assert lines.ended(10.0) == [LeftOut(2, "line 0")]
    assert lines.allows("a", "again", None, 10.0)


def test_a_kind_may_have_a_number_of_its_own() -> None:
    lines: Quota[str] = Quota(2, 10.0)
    assert [lines.allows("a", "line", 1, 0.0) for _ in range(2)] == [True, False]


def test_memory_is_bounded() -> None:
    lines: Quota[int] = Quota(1, 10.0)
    for kind in range(3 * quota._MOST_KINDS):
        lines.ended(0.0)
        lines.allows(kind, "line", None, 0.0)
    assert len(lines._windows) <= quota._MOST_KINDS + 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=200))
def test_every_line_is_written_or_counted(asked: list[tuple[str, float]]) -> None:
    lines: Quota[str] = Quota(3, 5.0)
    written = left_out = 0
    for kind, now in sorted(asked, key=lambda one: one[1]):
        left_out += sum(one.number for one in lines.ended(now))
        written += lines.allows(kind, "line", None, now)
    left_out += sum(one.number for one in lines.ended(100.0))
    assert written + left_out == len(asked)

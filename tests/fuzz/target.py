"""What a fuzz target is: a parser, an input to begin with, and words that mean something to it. Runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import thread_time

Run = Callable[[bytes], None]
"""Feeds a parser; raises for whatever a user or a stranger must never see."""

_LENGTHS = 4_000, 32_000
_TOLERATED = 3.0
"""How many times longer than in proportion it may take; the square takes eight times."""
_NOTICEABLE = 0.2
"""Seconds, below which nobody is kept waiting."""


@dataclass(frozen=True, slots=True)
class Target:
    """One parser and what it is fed."""

    name: str
    run: Run
    seeds: Sequence[bytes]
    """Valid inputs: what comes of changing them gets further than noise."""
    words: Sequence[bytes]


TARGETS: dict[str, Target] = {}
"""All that have been imported, by name."""


def target(seeds: Iterable[bytes], words: Iterable[bytes] = ()) -> Callable[[Run], Run]:
    """Makes a function a target of the same name."""

    def add(run: Run) -> Run:
        assert run.__name__ not in TARGETS
        TARGETS[run.__name__] = Target(run.__name__, run, tuple(seeds), tuple(words))
        return run

    return add


def text_of(data: bytes) -> str:
    """Any text: bytes that are no UTF-8 become lone surrogates, which parsers must expect as well."""
    return data.decode("utf-8", "surrogateescape")


def check_pace(read: Callable[[str], object], piece: str) -> None:
    """That *read* does not take the square of the time for more of the same.

    Texts come from strangers, and one greenlet that computes holds up all others. Measured in processor time, three
    times, and only where it would be noticed.
    """
    if not piece:
        return
    short, long = (piece * -(-length // len(piece)) for length in _LENGTHS)
    for _ in range(3):
        taken = _seconds(read, long)
        if taken < _NOTICEABLE or taken < _seconds(read, short) * _TOLERATED * _LENGTHS[1] / _LENGTHS[0]:
            return
    raise AssertionError(f"{taken:.1f} s for {len(long)} characters, far more than in proportion to {len(short)}")


def _seconds(read: Callable[[str], object], text: str) -> float:
    began = thread_time()
    read(text)
    return thread_time() - began

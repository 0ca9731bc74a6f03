"""A histogram of fixed buckets, cheap enough for every call of a plugin: one search and two additions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

Bucket = tuple[str, float]
"""A bound and how many were not above it, as prometheus_client takes them."""


class Histogram:
    """One series.

    :param bounds: of the buckets, in rising order; one without a bound is added
    """

    __slots__ = ("_bounds", "_counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[Bucket]:
        """Each bound, and how many values were not above it."""
        found, total = [], 0
        for bound, count in zip((*map(repr, map(float, self._bounds)), "+Inf"), self._counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found

"""Whether a server grows, from what was measured of it. Measures nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

Sample = Mapping[str, float]
"""What was measured at one moment, by name."""

SLACK = {"RSS, MB": 3.0, "descriptors": 12, "greenlets": 12, "threads": 2, "databases, MB": 1.0, "cache, MB": 2.0}
"""By how much each may be more, beside :data:`TOLERATED`: what a few clients more or less at the moment account for."""
TOLERATED = 0.02
"""As a part of what there was."""


def growth(samples: Sequence[Sample]) -> list[str]:
    """What is more in the last third of *samples* than in the second, by their medians; nothing where all is flat.

    The first third may be anything: tables fill, pools are made, the allocator finds its size. A leak goes on
    afterwards, and a median lets a single peak be.
    """
    third = len(samples) // 3
    if not third:
        return []
    before, after = samples[third : 2 * third], samples[-third:]
    told = []
    for name, slack in SLACK.items():
        was, now = (median(sample[name] for sample in part) for part in (before, after))
        if now > was * (1 + TOLERATED) + slack:
            told.append(f"{name}: {was:.1f} in the second third, {now:.1f} in the last")
    return told

"""Spans of time and amounts of bytes, as people read them."""

from __future__ import annotations


def ago(seconds: float) -> str:
    """A span in one or two words."""
    seconds = max(0.0, seconds)
    for limit, size, unit in ((100, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def moved(sent: int, size: int, seconds: float) -> str:
    """How far a file is, and how fast: ``45 % of 8.1 MB, 11.2 MB/s``."""
    share = min(1.0, sent / size) if size else 0.0
    return f"{100 * share:.0f} % of {size / 1e6:.1f} MB, {sent / max(seconds, 0.05) / 1e6:.1f} MB/s"

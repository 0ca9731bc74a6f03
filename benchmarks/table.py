"""Prints results as Markdown tables, each line as soon as it is known. Measures nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def heading(title: str, columns: Sequence[str]) -> None:
    """Begin a table; its first column holds words, the others numbers."""
    write(f"\n### {title}\n")
    row(columns)
    row(["---", *("---:" for _ in columns[1:])])


def row(cells: Sequence[object]) -> None:
    """One line of the table."""
    write(f"| {' | '.join(map(str, cells))} |")


def write(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()

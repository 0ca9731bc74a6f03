"""A message for a machine's screen, as lines that every boot loader can show. How each quotes them is its own."""

from __future__ import annotations


def lines_of(message: str) -> list[str]:
    """The lines of *message*, with a space for each character that cannot be shown; none where nothing can."""
    printable = "".join(one if one.isprintable() or one == "\n" else " " for one in message).strip()
    return printable.split("\n") if printable else []

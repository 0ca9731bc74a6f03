"""Text from strangers for a terminal: nothing in it moves the cursor, changes a colour or begins a line of its own."""

from __future__ import annotations


def printable(text: str) -> str:
    """*text* with a mark in the place of each character that cannot be shown."""
    return text if text.isprintable() else "".join(one if one.isprintable() else "�" for one in text)

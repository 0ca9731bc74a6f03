"""What is wrong with an inventory, and where. Finds nothing by itself."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in one file."""

    file: str
    """As it is called in the inventory's folder."""
    message: str
    line: int | None = None
    """Counted from 1; ``None`` where it is not known."""
    key: str = ""
    """Such as ``groups[1].profile``; empty for a mistake of the whole file."""
    warning: bool = False
    """Whether the inventory can be used anyway."""

    def __str__(self) -> str:
        line = f" line {self.line}" if self.line is not None else ""
        key = f", {self.key}" if self.key else ""
        return f"{self.file}{line}{key}: {self.message}"


class InventoryError(Exception):
    """An inventory that cannot be used.

    :param problems: why; at least one
    """

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def reason(error: Exception) -> str:
    """What an error says, in one line."""
    text = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
    return text.removeprefix("Value error, ")

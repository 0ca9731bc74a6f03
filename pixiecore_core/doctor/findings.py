"""What a check found: a status, a sentence and the mend. Words only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's."""

    status: Status
    name: str
    """Which check says so: a word that stays the same."""
    what: str
    """A sentence without a full stop."""
    mend: tuple[str, ...] = ()
    """What to do about it, in lines."""


def ok(name: str, what: str) -> Finding:
    """All is well."""
    return Finding("ok", name, what)


def warning(name: str, what: str, *mend: str) -> Finding:
    """Something will not work, or perhaps not; the server starts."""
    return Finding("warning", name, what, mend)


def broken(name: str, what: str, *mend: str) -> Finding:
    """The server does not start, or no machine boots."""
    return Finding("broken", name, what, mend)

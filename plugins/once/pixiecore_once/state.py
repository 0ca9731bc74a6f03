"""Which machines have booted, in a small SQLite file that the server and the command line share.

Knows no hooks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pixiecore_core import StateFile

State = Literal["armed", "installing", "done"]
"""Armed: it may boot. Installing: it boots until it has called its completion URL. Done: it may not boot."""

_TABLE = "CREATE TABLE IF NOT EXISTS machines (mac TEXT PRIMARY KEY, state TEXT NOT NULL, since REAL NOT NULL)"
_SET = (
    "INSERT INTO machines VALUES (?, ?, ?)"
    " ON CONFLICT (mac) DO UPDATE SET since = CASE WHEN state = excluded.state THEN since ELSE excluded.since END,"
    " state = excluded.state"
)


@dataclass(frozen=True, slots=True)
class Known:
    """One machine."""

    mac: str
    state: State
    since: float
    """Seconds since the epoch."""


class States:
    """The file.

    :param path: made, with its folder, where it is not there
    """

    def __init__(self, path: Path) -> None:
        self.file = StateFile(path, [_TABLE])

    def of(self, mac: str) -> Known | None:
        """What is known of a machine."""
        with self.file.transaction() as database:
            row = database.execute("SELECT mac, state, since FROM machines WHERE mac = ?", (mac,)).fetchone()
        return Known(*row) if row else None

    def all(self) -> list[Known]:
        """Every machine, the one that changed last first."""
        with self.file.transaction() as database:
            rows = database.execute("SELECT mac, state, since FROM machines ORDER BY since DESC, mac").fetchall()
        return [Known(*row) for row in rows]

    def set(self, mac: str, state: State) -> None:
        """Change a machine's state."""
        with self.file.transaction(write=True) as database:
            database.execute(_SET, (mac, state, time.time()))

    def forget(self, mac: str) -> bool:
        """Know nothing of a machine any more; whether anything was known."""
        with self.file.transaction(write=True) as database:
            return database.execute("DELETE FROM machines WHERE mac = ?", (mac,)).rowcount > 0

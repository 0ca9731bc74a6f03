"""Which machines were seen, approved and denied, in a small SQLite file that server and command line share.

What is seen is written at most once a second, however many machines ask. Knows no hooks.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import OrderedDict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pixiecore_core import Machine, StateFile

Verdict = Literal["waiting", "approved", "denied"]

REMEMBERED = 10_000
"""Machines that are only seen; of more, those seen last are remembered. Approved and denied ones always are."""
LONGEST_TEXT = 128
"""Characters that are kept of each thing that a machine says of itself."""

_TEXTS = ("uuid", "serial", "manufacturer", "product", "address", "subnet", "relay")
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS allowlist (mac TEXT PRIMARY KEY, verdict TEXT NOT NULL, "
    + ", ".join(f"{name} TEXT NOT NULL DEFAULT ''" for name in _TEXTS)
    + ", first_seen REAL, last_seen REAL)",
    "CREATE INDEX IF NOT EXISTS allowlist_last_seen ON allowlist (verdict, last_seen)",
)
_COLUMNS = ", ".join(("mac", "verdict", *_TEXTS, "first_seen", "last_seen"))
_SEEN = (
    f"INSERT INTO allowlist ({_COLUMNS})"
    f" VALUES (:mac, 'waiting', {', '.join(f':{name}' for name in _TEXTS)}, :first_seen, :last_seen)"
    " ON CONFLICT (mac) DO UPDATE SET first_seen = COALESCE(first_seen, excluded.first_seen),"
    " last_seen = excluded.last_seen, "
    # A machine says less of itself by DHCP than at its script.
    + ", ".join(f"{name} = CASE excluded.{name} WHEN '' THEN {name} ELSE excluded.{name} END" for name in _TEXTS)
)
_DECIDE = (
    "INSERT INTO allowlist (mac, verdict) VALUES (?, ?) ON CONFLICT (mac) DO UPDATE SET verdict = excluded.verdict"
)
_TRIM = (
    "DELETE FROM allowlist WHERE verdict = 'waiting' AND mac IN"
    " (SELECT mac FROM allowlist WHERE verdict = 'waiting' ORDER BY last_seen DESC LIMIT -1 OFFSET ?)"
)


@dataclass(frozen=True, slots=True)
class Known:
    """One machine."""

    mac: str
    verdict: Verdict
    uuid: str = ""
    serial: str = ""
    manufacturer: str = ""
    product: str = ""
    address: str = ""
    subnet: str = ""
    relay: str = ""
    first_seen: float | None = None
    """Seconds since the epoch; ``None`` if it was approved or denied before it was ever seen."""
    last_seen: float | None = None


def seen(machine: Machine) -> Known:
    """What there is to remember of a machine that asks now."""
    now = time.time()
    values = {name: _text(getattr(machine, name)) for name in _TEXTS}
    return Known(machine.mac, "waiting", first_seen=now, last_seen=now, **values)


class States:
    """The file.

    :param path: made, with its folder, where it is not there
    """

    def __init__(self, path: Path) -> None:
        self.file = StateFile(path, _SCHEMA)

    def verdict(self, mac: str) -> Verdict | None:
        """What was decided of a machine; ``None`` if it was never seen either."""
        with self.file.transaction() as database:
            row = database.execute("SELECT verdict FROM allowlist WHERE mac = ?", (mac,)).fetchone()
        return row[0] if row else None

    def all(self, waiting: bool = False) -> list[Known]:
        """Every machine, those that wait first, and of these the one that was seen last first.

        :param waiting: only those that wait
        """
        query = f"SELECT {_COLUMNS} FROM allowlist" + (" WHERE verdict = 'waiting'" if waiting else "")
        with self.file.transaction() as database:
            rows = database.execute(f"{query} ORDER BY verdict != 'waiting', last_seen DESC, mac").fetchall()
        return [Known(*row) for row in rows]

    def decide(self, verdict: Verdict, *macs: str) -> None:
        """Approve or deny machines, seen or not."""
        with self.file.transaction(write=True) as database:
            database.executemany(_DECIDE, [(mac, verdict) for mac in macs])

    def see(self, machines: list[Known]) -> None:
        """Remember machines as seen; what was decided of them stays. Forgets the oldest beyond :data:`REMEMBERED`."""
        with self.file.transaction(write=True) as database:
            database.executemany(_SEEN, [asdict(machine) for machine in machines])
            database.execute(_TRIM, (REMEMBERED,))

    def forget(self, *macs: str) -> int:
        """Know nothing of these machines any more; how many were known."""
        with self.file.transaction(write=True) as database:
            return sum(database.execute("DELETE FROM allowlist WHERE mac = ?", (mac,)).rowcount for mac in macs)

    def forget_all(self) -> int:
        """Know nothing any more; how many machines were known."""
        with self.file.transaction(write=True) as database:
            return database.execute("DELETE FROM allowlist").rowcount


class Notes:
    """Machines that were seen and are not in the file yet: a write waits for the disk, and everybody with it.

    :param interval: seconds between two writes
    """

    def __init__(self, states: States, interval: float = 1.0) -> None:
        self._states = states
        self._interval = interval
        self._lock = threading.Lock()
        self._pending: OrderedDict[str, Known] = OrderedDict()
        self._timer: threading.Timer | None = None
        self._written = -interval
        self.problem = ""
        """Why the last write failed; empty if it did not."""

    def add(self, machine: Known) -> None:
        """Note a machine: at once, if nothing was written within the interval. Never raises for a file's sake."""
        with self._lock:
            before = self._pending.pop(machine.mac, None)
            self._pending[machine.mac] = machine if before is None else _merged(before, machine)
            if len(self._pending) > REMEMBERED:
                self._pending.popitem(last=False)
            left = self._written + self._interval - time.monotonic()
            if left > 0 and self._timer is None:
                self._timer = threading.Timer(left, self.write)
                self._timer.daemon = True
                self._timer.start()
            if left > 0:
                return
        self.write()

    def write(self) -> None:
        """Write what is noted. Never raises for the file's sake."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if not self._pending:
                return
            try:
                self._states.see(list(self._pending.values()))
                self._pending.clear()
                self.problem = ""
            except sqlite3.Error as error:
                self.problem = str(error)
            self._written = time.monotonic()


def _merged(before: Known, after: Known) -> Known:
    known = {name: getattr(after, name) or getattr(before, name) for name in _TEXTS}
    return Known(after.mac, "waiting", first_seen=before.first_seen, last_seen=after.last_seen, **known)


def _text(value: object) -> str:
    if value is None:
        return ""
    # SQLite takes no lone surrogates.
    return str(value)[:LONGEST_TEXT].encode("utf-8", "replace").decode()

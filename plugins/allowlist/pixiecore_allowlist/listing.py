"""Machines for people and for programs to read. What a machine says of itself may be any text: never trusted."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from pixiecore_allowlist.state import Known


def as_line(known: Known) -> str:
    """One line without control characters, whatever the machine calls itself."""
    where = known.address or known.subnet or (f"relay {known.relay}" if known.relay else "")
    maker = " ".join(part for part in (known.manufacturer, known.product) if part)
    facts = [
        f"at {where}" if where else "",
        f'"{escaped(maker)}"' if maker else "",
        f'serial "{escaped(known.serial)}"' if known.serial else "",
        f'asset "{escaped(known.asset)}"' if known.asset else "",
        f"uuid {known.uuid}" if known.uuid else "",
        f"seen {_when(known.first_seen)} to {_when(known.last_seen)}" if known.last_seen else "never seen",
    ]
    return f"{known.mac}  {known.verdict:8}  " + ", ".join(fact for fact in facts if fact)


def as_json(machines: Iterable[Known]) -> str:
    """A list of objects; times are UTC."""
    rows = [
        {
            key: datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds") if isinstance(value, float) else value
            for key, value in {"mac": known.mac, "verdict": known.verdict, **dict(known)}.items()
        }
        for known in machines
    ]
    return json.dumps(rows, indent=2) + "\n"


def escaped(text: str) -> str:
    """*text* in printable ASCII, so that no terminal obeys it and every terminal can show it."""
    return text.encode("unicode_escape").decode("ascii").replace('"', '\\"')


def _when(at: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))

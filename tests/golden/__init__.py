"""Datagrams that the lab's real firmware sent, one file for each machine.

A line of hex is one UDP payload; the comment above it starts with the port it went to.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class GoldenDatagram:
    """One datagram, the port it was sent to, and the comment that says what it is."""

    machine: str
    port: int
    about: str
    data: bytes

    def __str__(self) -> str:
        return f"{self.machine}: {self.about}"


def golden_datagrams() -> list[GoldenDatagram]:
    """All of them, in the order of each boot."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.hex")):
        about = ""
        for line in path.read_text(encoding="ascii").splitlines():
            if line.startswith("#"):
                about = line.lstrip("# ")
            elif line:
                found.append(GoldenDatagram(path.stem, int(about.split()[0]), about, bytes.fromhex(line)))
    return found

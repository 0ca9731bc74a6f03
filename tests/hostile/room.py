"""A room for attacks: two network namespaces on one wire, the server's and the neighbour's, and nothing else.

What the server sends to addresses that nobody has goes to the neighbour too, who sees and counts it.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SERVER, NEIGHBOUR = "192.0.2.2", "192.0.2.66"
LINK = "eth0"
_numbers = itertools.count()

needs_a_room = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and ip"),
]


class Room:
    """A context manager; programs run on the server's side or on the neighbour's."""

    def __init__(self) -> None:
        prefix = f"pixiroom{os.getpid()}-{next(_numbers)}"
        self.server, self.neighbour = f"{prefix}-srv", f"{prefix}-peer"
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Room:
        try:
            for namespace in (self.server, self.neighbour):
                _ip("netns", "add", namespace)
                _ip("-n", namespace, "link", "set", "lo", "up")
            peer = ("peer", "name", LINK, "netns", self.neighbour)
            _ip("-n", self.server, "link", "add", LINK, "type", "veth", *peer)
            for namespace, address in ((self.server, SERVER), (self.neighbour, NEIGHBOUR)):
                _ip("-n", namespace, "address", "add", f"{address}/24", "dev", LINK)
                _ip("-n", namespace, "link", "set", LINK, "up")
            _ip("-n", self.server, "route", "add", "default", "via", NEIGHBOUR)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *reason: object) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=10)
        for namespace in (self.server, self.neighbour):
            subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True)

    def start(self, namespace: str, argv: Sequence[str | Path]) -> subprocess.Popen[str]:
        """Start a program, whose output is a pipe."""
        words = ["ip", "netns", "exec", namespace, "setpriv", "--pdeathsig", "KILL", "--", *map(str, argv)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self._processes.append(process)
        return process

    def start_python(self, namespace: str, module: str, *arguments: object) -> subprocess.Popen[str]:
        """Start one of our modules."""
        return self.start(namespace, [sys.executable, "-m", module, *map(str, arguments)])

    def attack(self, module: str, *arguments: object) -> Any:
        """Run a module on the neighbour's side; what it found, which it prints as JSON."""
        process = self.start_python(self.neighbour, module, *arguments)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
        return json.loads(output)


def resident_kilobytes(process: subprocess.Popen[str]) -> int:
    """What a process takes of memory."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)

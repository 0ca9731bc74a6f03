"""``pixiecore`` in a process of its own: for what only a process shows, such as servers, signals and how it ends.

Whatever ends with a message before it serves belongs in tests/command.py, which is quicker by most of a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PIXIECORE = [sys.executable, "-W", "error", "-m", "pixiecore_core"]
HIGH_PORTS = ["--listen-addr", "127.0.0.1", "--dhcp", "0", "--pxe", "0", "--tftp", "0", "--http", "0"]


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*PIXIECORE, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=os.environ | environment,
    )


@contextmanager
def serving(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A server, which is killed in the end."""
    server = subprocess.Popen([*PIXIECORE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield server
    finally:
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()


def read_until(server: subprocess.Popen[str], words: str) -> list[str]:
    """The lines that *server* says, up to the one with these *words*."""
    assert server.stdout is not None
    lines = []
    for line in server.stdout:
        lines.append(line.rstrip())
        if words in line:
            return lines
    raise AssertionError(f"ended without {words!r}: {lines}")


def install_plugin(folder: Path, code: str) -> dict[str, str]:
    """The environment of a process for which *code* is an installed plugin, 'broken'."""
    (folder / "broken_plugin.py").write_text(code)
    info = folder / "broken_plugin-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[pixiecore]\nbroken = broken_plugin\n")
    return os.environ | {"PYTHONPATH": str(folder)}

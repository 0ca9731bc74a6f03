"""A mirror for tests: a folder laid out like Debian's, and a web server in a process of its own that serves it."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

KERNEL = b"kernel " * 100_000
INITRD = b"initrd " * 300_000


def debian_tree(folder: Path, version: str, architecture: str) -> None:
    """Lay out what a machine loads from Debian's mirrors."""
    release = folder / f"debian/dists/{version}/main/installer-{architecture}"
    images = release / f"current/images/netboot/debian-installer/{architecture}"
    images.mkdir(parents=True)
    (images / "linux").write_bytes(architecture.encode() + KERNEL)
    (images / "initrd.gz").write_bytes(architecture.encode() + INITRD)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL under which *folder* is served meanwhile."""
    command = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(folder), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            port = re.search(r"port (\d+)", server.stdout.readline())
            assert port is not None
            yield f"http://127.0.0.1:{port[1]}"
        finally:
            server.terminate()

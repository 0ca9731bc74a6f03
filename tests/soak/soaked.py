"""The server that is soaked: a process of its own, with the plugin that counts its greenlets, and what it takes.

``once`` and ``allowlist`` are on, with databases of their own; files come from another server, through a cache that is
too small for all of them.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.net.storm import SERVER, Ports
from tests.net.test_storm import EFI_HEAD, free_port, wait_for_ports
from tests.processes import install_plugin
from tests.soak.growth import Sample

CACHE_MEGABYTES = 8
_ROOT = Path(__file__).parents[2]
_PLUGIN = """
import gc, json
from collections import Counter
from greenlet import greenlet
from pixiecore_core import PageAnswer, hookimpl

def _count(request):
    gc.collect()
    every = gc.get_objects()
    kinds = Counter(type(one).__name__ for one in every) if "kinds" in request.query else {}
    greenlets = sum(isinstance(one, greenlet) and not one.dead for one in every)
    said = {"greenlets": greenlets, "objects": len(every), "kinds": dict(Counter(kinds).most_common(40))}
    return PageAnswer(text=json.dumps(said))

@hookimpl
def register_routes(routes):
    routes("/soak", _count)
"""


@dataclass(frozen=True, slots=True)
class Soaked:
    """The process."""

    process: subprocess.Popen[bytes]
    ports: Ports
    folder: Path

    def sample(self) -> Sample:
        """What it takes now."""
        proc = Path(f"/proc/{self.process.pid}")
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines() if ":" in line)
        return {
            "RSS, MB": int(status["VmRSS"].split()[0]) * 1024 / 1e6,
            "descriptors": len(os.listdir(proc / "fd")),
            "greenlets": self._counted()["greenlets"],
            "threads": int(status["Threads"]),
            "databases, MB": _megabytes(self.folder / "state"),
            "cache, MB": _megabytes(self.folder / "cache"),
        }

    def kinds(self) -> Counter[str]:
        """How many objects there are of each kind."""
        return Counter(self._counted("kinds")["kinds"])

    def _counted(self, query: str = "") -> Any:
        """What the plugin counts, without what the server froze when it started."""
        url = f"http://{SERVER}:{self.ports.http}/soak?{query}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)


def _megabytes(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            continue  # it was being replaced
    return total / 1e6


@contextmanager
def serving(folder: Path, api: str) -> Iterator[Soaked]:
    """A server with all its files in *folder*, that asks *api*."""
    for name in ("state", "cache", "plugin"):
        (folder / name).mkdir()
    (folder / "undionly.kpxe").write_bytes(random.Random(1).randbytes(20_000))
    (folder / "snponly.efi").write_bytes(EFI_HEAD + random.Random(2).randbytes(30_000))
    listeners = {name: f"{SERVER}:{free_port() if name == 'dhcp' else 0}" for name in ("dhcp", "pxe", "tftp", "http")}
    command = [sys.executable, "-m", "pixiecore_core", "api", api, "--trust-relay", "127.0.0.0/8"]
    command += [part for name, where in listeners.items() for part in (f"--{name}", where)]
    command += ["--ipxe-bios", folder / "undionly.kpxe", "--ipxe-efi64", folder / "snponly.efi"]
    command += ["--once-enabled", "--once-database", folder / "state/once.sqlite"]
    command += ["--allowlist-allow", "52:54:00", "--allowlist-database", folder / "state/allowlist.sqlite"]
    command += ["--cache-dir", folder / "cache", "--cache-size", f"{CACHE_MEGABYTES}M"]
    command += ["--key-file", folder / "url.key"]
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=_ROOT,
            env=install_plugin(folder / "plugin", _PLUGIN),
        )
    try:
        yield Soaked(process, wait_for_ports(process, log), folder)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

"""A fresh Debian system in a folder, and its systemd running in one of the lab's namespaces.

The system is made by the same script as the packages' roots. What it needs from the mirror, its own apt fetches.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab.network import Network, Process, run
from tests.lab.packages import REPOSITORY

_MAKE_ROOT = REPOSITORY / "packaging/debian/make-root"
_HERE = Path(__file__).resolve().parent


class System:
    """A root folder; commands run in it by chroot, or beside its systemd once that is started."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._inside: tuple[str, ...] = ("chroot", str(root))

    @classmethod
    def make(cls, suite: str, root: Path, packages: Sequence[str]) -> System:
        """A fresh system of a release with nothing but apt and *packages*."""
        run(str(_MAKE_ROOT), suite, str(root), *packages)
        system = cls(root)
        system.apt("update")
        system.run("systemctl", "mask", "apt-daily.timer", "apt-daily-upgrade.timer")  # they would lock apt
        return system

    def run(self, *argv: str) -> str:
        """What a command in there says.

        :raises RuntimeError: it failed
        """
        return run(*self._inside, *argv)

    def install(self, package: Path) -> None:
        """Install a package from a file, with what it needs from the mirror."""
        inside = self.root / package.name
        inside.write_bytes(package.read_bytes())
        try:
            self.apt("-o", "Dpkg::Options::=--force-confold", "install", f"/{package.name}")
        finally:
            inside.unlink()

    def apt(self, *argv: str) -> None:
        """apt-get, in the network of this machine: none of the lab's namespaces has a mirror."""
        inside = [word for word in self._inside if word != "--net"]
        run(*inside, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--yes", *argv)

    def start(self, network: Network, namespace: str, log: Path) -> None:
        """Boot its systemd there, and wait until it is up.

        :raises RuntimeError: it did not come up
        """
        process = network.run_in(namespace, [_HERE / "boot-systemd", self.root], log)
        self._enter(_init_of(process))
        state = ""
        give_up = time.monotonic() + 60
        while state not in ("running", "degraded"):
            if time.monotonic() > give_up or process.ended:
                raise RuntimeError(f"systemd in {self.root} does not come up: {state or process.text()}")
            time.sleep(0.2)
            asked = subprocess.run(
                [*self._inside, "systemctl", "is-system-running"], capture_output=True, text=True, check=False
            )
            state = asked.stdout.strip()

    def follow(self, network: Network, unit: str, log: Path) -> Process:
        """The unit's journal from now on, in a log."""
        argv = [*self._inside, "journalctl", "--follow", "--lines=0", "--output=cat", f"--unit={unit}"]
        return network.run_in(network.net, argv, log)

    def status(self, unit: str) -> dict[str, str]:
        """What the kernel says of a service's main process: /proc/PID/status."""
        pid = self.run("systemctl", "show", "--property=MainPID", "--value", unit).strip()
        lines = self.run("cat", f"/proc/{pid}/status").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def _enter(self, pid: int) -> None:
        namespaces = ("--mount", "--pid", "--uts", "--ipc", "--cgroup", "--net")
        self._inside = ("nsenter", f"--target={pid}", *namespaces, "--root", "--wdns=/")


def _init_of(process: Process) -> int:
    """The first process in the namespace that `process` makes."""
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up and not process.ended:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if children and Path(f"/proc/{children[0]}/comm").read_text().strip() == "systemd":
            return int(children[0])
        time.sleep(0.05)
    raise RuntimeError(f"no systemd: {process.text()}")

"""`python -m tests.lab.demo`: one machine netboots before your eyes, from firmware to Linux, through Pixiecore.

What Pixiecore logs and what the machine writes on its serial console appear line by line as they come. Ends with 0 when
the booted Linux has the right command line and has fetched its file; otherwise with 1 and the paths of the logs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Protocol

from .artefacts import new_folder
from .boot import boot, plain
from .machines import MACHINES, Machine
from .neighbour import start_neighbour
from .network import NEIGHBOUR_ADDRESS, SERVER_ADDRESS, Network
from .packages import missing_programs
from .payload import payload
from .server import Errand, start_server

DEFAULT_MACHINE = "ovmf-x64-pxe"  # takes every step: ProxyDHCP, BINL on 4011, TFTP, iPXE, HTTP

_COLOURS = {"cyan": "\x1b[36m", "yellow": "\x1b[33m", "green": "\x1b[1;32m", "red": "\x1b[1;31m"}
_COLOURED = sys.stdout.isatty() and "NO_COLOR" not in os.environ


class Say(Protocol):
    """Shows a line in a colour, or none."""

    def __call__(self, text: str, colour: str = "") -> None: ...


def say(text: str, colour: str = "") -> None:
    if colour and _COLOURED:
        text = f"{_COLOURS[colour]}{text}\x1b[0m"
    print(text, flush=True)  # noqa: T201


class Follower:
    """Shows what is appended to a log, whole lines, each behind a prefix."""

    def __init__(self, log: Path, prefix: str, colour: str, say: Say) -> None:
        self._log, self._prefix, self._colour, self._say = log, prefix, colour, say
        self._shown = 0

    def show(self) -> None:
        if not self._log.exists():
            return
        whole_lines = self._log.read_bytes().rpartition(b"\n")[0]
        news, self._shown = whole_lines[self._shown :], len(whole_lines)
        for line in plain(news.decode(errors="replace")).splitlines():
            if line.strip():
                self._say(f"{self._prefix} | {line.rstrip()}", self._colour)


def demonstrate(machine: Machine, folder: Path, say: Say = say) -> float:
    """Boot it and return the seconds it took."""
    say("Preparing a kernel to boot (downloaded from Debian the first time) ...")
    payload(machine.payload)
    errand = Errand.prepare(folder)
    say("A small network, in namespaces of its own:")
    say(f"  {NEIGHBOUR_ADDRESS}  dnsmasq, an ordinary DHCP server that knows nothing of network booting")
    say(f"  {SERVER_ADDRESS}  pixiecore boot vmlinuz initrd.cpio --cmdline='{errand.cmdline}'")
    say(f"  and {machine.name}, a virtual machine without a disk, switched on now.\n")
    server = Follower(folder / "server.log", "pixiecore", "cyan", say)
    console = Follower(folder / "serial.log", "  machine", "yellow", say)

    def watch() -> None:
        server.show()
        console.show()

    with Network() as network:
        start_neighbour(network, folder)
        start_server(network, folder, machine, errand)
        result = boot(machine, network, folder, watch=watch)
    watch()
    errand.check(machine, result)
    return result.seconds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.demo", description=__doc__.partition("\n")[0])
    parser.add_argument("--machine", choices=MACHINES, default=DEFAULT_MACHINE, help="default: %(default)s")
    machine = MACHINES[parser.parse_args().machine]
    obstacle = missing_programs() if os.geteuid() == 0 else "network namespaces need root: sudo make demo"
    if obstacle:
        say(obstacle, "red")
        return 1
    folder = new_folder(f"demo-{machine.name}")
    try:
        seconds = demonstrate(machine, folder)
    except (AssertionError, TimeoutError, RuntimeError, OSError) as error:
        say(f"\nThe machine did not boot. {error}\nLogs and capture: {folder}", "red")
        return 1
    shutil.rmtree(folder)
    say(f"\n{machine.name} booted Linux through Pixiecore in {seconds:.1f} s, and fetched its file.", "green")
    return 0


if __name__ == "__main__":
    sys.exit(main())

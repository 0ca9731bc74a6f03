"""One boot of one machine: QEMU started, its serial line followed to the marker, the wire captured.

The booted Linux states facts on lines that start with LAB; BootResult holds them. A boot that does not reach the
marker is BootFailed, whose message ends with what the logs said last and where all of it is kept.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .machines import Machine
from .network import BRIDGE, Network, Process
from .payload import MARKER

_ESCAPE_SEQUENCE = re.compile(r"\x1b(\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|[=>])|[\r\x00]")

_GIVEN_UP = ("No bootable device", "Shell>")  # SeaBIOS's last words, and OVMF's last resort


class BootFailed(AssertionError):
    """The machine did not reach Linux, or not in time."""


@dataclass(frozen=True)
class BootResult:
    serial: str
    seconds: float
    architecture: str
    firmware: str
    cmdline: str
    fetched_size: int | None
    fetched_sha256: str | None


def plain(text: str) -> str:
    """Serial output without the escape sequences by which firmware paints it."""
    return _ESCAPE_SEQUENCE.sub("", text)


def boot(
    machine: Machine,
    network: Network,
    folder: Path,
    timeout: float = 90,
    watch: Callable[[], None] = lambda: None,
    marker: str = MARKER,
    give_up: bool = True,
) -> BootResult:
    """Boot `machine` to `marker` and return what its Linux said of itself; `watch` is called all the while.

    Ends sooner where its firmware gives up, unless `give_up` says that it is watched even so.
    `folder` receives serial.log and wire.pcap, beside the logs that the server and the neighbour write there.
    """
    capture = start_capture(network, folder)
    started = time.monotonic()
    qemu = network.run_in(network.net, machine.argv(folder), folder / "serial.log")
    try:
        while marker not in (serial := plain(qemu.text())):
            watch()
            hopeless = qemu.ended or (give_up and any(words in serial for words in _GIVEN_UP))
            if hopeless or time.monotonic() - started > timeout:
                raise BootFailed(_explanation(machine, qemu, marker, time.monotonic() - started, folder))
            time.sleep(0.05)
        seconds = time.monotonic() - started
        watch()
    finally:
        qemu.stop()
        capture.stop()
    return read_facts(plain(qemu.text()), seconds)


def start_capture(network: Network, folder: Path) -> Process:
    file = str(folder / "wire.pcap")
    # -Z root: as the user tcpdump it could not write into our folder.
    argv = ["tcpdump", "-i", BRIDGE, "-w", file, "-Z", "root", "--packet-buffered", "--immediate-mode"]
    capture = network.run_in(network.net, argv, folder / "tcpdump.log")
    capture.wait_for("listening on", timeout=5)
    return capture


def read_facts(serial: str, seconds: float) -> BootResult:
    architecture, firmware = _fact(r"machine (\S+) (\S+)", serial) or ("", "")
    (cmdline,) = _fact(r"cmdline (.*)", serial) or ("",)
    fetched = _fact(r"fetched (\d+) ([0-9a-f]{64})", serial)
    size, sha256 = (int(fetched[0]), fetched[1]) if fetched else (None, None)
    return BootResult(serial, seconds, architecture, firmware, cmdline.strip(), size, sha256)


def _fact(pattern: str, serial: str) -> tuple[str, ...] | None:
    found = re.search(rf"LAB {pattern}", serial)
    return found.groups() if found else None


def _explanation(machine: Machine, qemu: Process, marker: str, seconds: float, folder: Path) -> str:
    end = ", QEMU ended" if qemu.ended else ""
    parts = [f"{machine.name} did not reach {marker!r} in {seconds:.0f} s{end}"]
    for log in sorted(folder.glob("*.log")):
        tail = [line for line in plain(log.read_text(errors="replace")).splitlines() if line.strip()][-15:]
        parts += [f"--- the end of {log}", *tail]
    parts.append(f"--- all of it, and the capture: {folder}")
    return "\n".join(parts)

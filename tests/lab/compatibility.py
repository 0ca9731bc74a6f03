"""`make lab-all`: makes every boot of the lab, and writes docs/reference/compatibility.md from what they took.

Beside each, dnsmasq's time for the same machine in the same run. Where a boot fails, nothing is written: the page holds
what has been seen, by one machine at one time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .artefacts import new_folder
from .beside import by_dnsmasq
from .boot import BootFailed
from .machines import BY_STOCK_IPXE, MACHINES, WITHOUT_IPXE
from .packages import REPOSITORY, missing_programs
from .rival import cannot
from .timings import VARIABLE, Timing, recorded

PAGE = REPOSITORY / "docs/reference/compatibility.md"

_INTRODUCTION = """# What boots, and how fast

Written by `make lab-all` from the boots that it makes: each machine is a virtual one with real firmware, in QEMU
without KVM, beside a DHCP server that knows nothing of booting, in a network without IPv6 router advertisements. The
seconds are from power-on to a line that the booted Linux prints, or the disk's own loader; of one boot each, so a
second more or less says nothing. dnsmasq is measured in the same run, as ProxyDHCP with TFTP, with the same loader,
kernel and initrd.

A number in a machine's name is the year of the iPXE that it is handed: 2019 is Debian 12's, 2025 Debian 13's. Names
with `http` are UEFI HTTP Boot. One file of kernel, initrd and command line, which UEFI starts by itself, is made by
Pixiecore when it is asked for; for dnsmasq it is made beforehand, by hand."""

_BY_SCRIPT = "only by a script of one's own"


def page(timings: Iterable[Timing], rivals: dict[str, str], system: str) -> str:
    """The page.

    :param rivals: dnsmasq's cells, by the machine's name
    :param system: where it was measured, in words
    """
    rows = ["| machine | goes by | Pixiecore, s | dnsmasq, s |", "|---|---|---:|---:|"]
    for timing in timings:
        ours = f"{timing.seconds:.1f}" if timing.seconds is not None else timing.note
        to_disk = timing.way.startswith("to its disk")
        measured = (
            ("the same" if "silence" in timing.way else _BY_SCRIPT) if to_disk else rivals.get(timing.machine, "")
        )
        rival = timing.rival or measured
        rows.append(f"| `{timing.machine}` | {timing.way} | {ours} | {rival} |")
    return f"{_INTRODUCTION}\n\n" + "\n".join(rows) + f"\n\n{system}\n"


def measured_rivals(names: Iterable[str]) -> dict[str, str]:
    """dnsmasq's cells: seconds, or why there are none."""
    machines = MACHINES | BY_STOCK_IPXE | WITHOUT_IPXE
    cells = {}
    for name in names:
        machine = machines[name]
        cells[name] = cannot(machine)
        if not cells[name]:
            try:
                cells[name] = f"{by_dnsmasq(machine, new_folder(f'dnsmasq {name}'), router_advertisements=False):.1f}"
            except BootFailed as failure:
                sys.stderr.write(f"{failure}\n")
                cells[name] = "did not boot"
        sys.stdout.write(f"dnsmasq, {name}: {cells[name]}\n")
    return cells


def system() -> str:
    """Where this is, as the page says it."""
    versions = [_first_line(program, "--version") for program in ("qemu-system-x86_64", "dnsmasq")]
    count = os.cpu_count()
    return f"Measured on {count} processors with {versions[0]} and {versions[1].partition('  ')[0]}."


def _first_line(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[0]


def main() -> int:
    """Run the lab, then dnsmasq, then write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-rival", action="store_true", help="leave dnsmasq out, and the page as it is")
    options, more = parser.parse_known_args()
    if missing := missing_programs():
        parser.exit(1, f"{missing}\n")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "timings"
        file.touch()
        argv = [sys.executable, "-m", "pytest", "-m", "lab", *more]
        status = subprocess.run(argv, env=os.environ | {VARIABLE: str(file)}, check=False).returncode
        timings = recorded(file)
    if status or options.no_rival:
        return status
    names = dict.fromkeys(
        timing.machine for timing in timings if not (timing.rival or timing.way.startswith("to its disk"))
    )
    PAGE.write_text(page(timings, measured_rivals(names), system()), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

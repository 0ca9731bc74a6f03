"""Power-on to a running Linux, beside dnsmasq with the same iPXE: ``python -m benchmarks.boot [RUNS]``, ten minutes.

Real firmware in QEMU, in networks with and without IPv6 router advertisements. The runs of both alternate, so that what
else the machine does falls on both. Not part of ``python -m benchmarks``: it needs root and the lab's packages.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable

from benchmarks.table import heading, row, write
from tests.lab.artefacts import new_folder
from tests.lab.beside import by_dnsmasq, by_pixiecore
from tests.lab.machines import BY_STOCK_IPXE, MACHINES, Machine
from tests.lab.packages import SuiteNotHere, missing_programs

RUNS = 3
_MACHINES = (
    MACHINES["seabios-ipxe-virtio"],
    BY_STOCK_IPXE["ovmf-x64-pxe-2019"],
    BY_STOCK_IPXE["ovmf-x64-pxe-2025"],
)
_WHO: dict[str, Callable[[Machine, bool], float]] = {
    "Pixiecore": lambda machine, router: by_pixiecore(machine, new_folder("bench"), router, "never"),
    "dnsmasq": lambda machine, router: by_dnsmasq(machine, new_folder("bench"), router),
}


def main() -> int:
    """Boot them all, and print the table as it comes."""
    runs = int(sys.argv[1]) if sys.argv[1:] else RUNS
    if missing := missing_programs():
        write(missing)
        return 1
    heading(f"Seconds from power-on to Linux, the median of {runs}", ["machine, network", *_WHO, "each run"])
    for machine in _MACHINES:
        for router in (True, False):
            try:
                if machine.ipxe is not None:
                    machine.ipxe.path()
            except SuiteNotHere as missing_suite:
                write(f"{machine.name}: {missing_suite}")
                continue
            taken: dict[str, list[float]] = {name: [] for name in _WHO}
            for _ in range(runs):
                for name, boot in _WHO.items():
                    taken[name].append(boot(machine, router))
            network = "router advertisements" if router else "none"
            each = "; ".join(" ".join(f"{seconds:.1f}" for seconds in times) for times in taken.values())
            medians = [f"{statistics.median(times):.1f}" for times in taken.values()]
            row([f"{machine.name}, {network}", *medians, each])
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``python -m benchmarks [NAME]…``: measure beside dnsmasq and nginx; everything by default.

Each is a process of its own in a network namespace of its own, and stops by itself. Root, or user namespaces.
"""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.table import write

ALL = ("dhcp", "tftp", "http", "boots", "cache", "memory", "hostile", "page")


def main() -> int:
    """Run what the arguments name."""
    chosen = sys.argv[1:] or ALL
    if unknown := set(chosen) - set(ALL):
        write(f"usage: python -m benchmarks [{'|'.join(ALL)}]…; there is no {', '.join(sorted(unknown))}")
        return 2
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    write(f"{os.cpu_count()} processors; load before: {load}")
    results = [subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode for name in chosen]
    return max(results)


if __name__ == "__main__":
    sys.exit(main())

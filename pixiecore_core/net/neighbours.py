"""The kernel's neighbour table: which hardware address an IPv4 address on our own links has (``--check-neighbour``).

Read afresh for each question; it is memory of the kernel's, not a disk. Decides nothing. Linux only.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

TABLE = Path("/proc/net/arp")
_ETHERNET = "0x1"
_COMPLETE = 0x2  # ATF_COM, <linux/if_arp.h>


def hardware_addresses(address: IPv4Address, table: Path = TABLE) -> set[str]:
    """The hardware addresses, in lower case with colons, that *address* has on any of our links; none where it was
    reached by a router, or is our own.

    :raises OSError: the table cannot be read
    """
    wanted = str(address)
    found = set()
    # IP address, HW type, flags, HW address, mask, device (net/ipv4/arp.c, arp_format_neigh_entry).
    for line in table.read_text().splitlines()[1:]:
        columns = line.split()
        if len(columns) == 6 and columns[0] == wanted and columns[1] == _ETHERNET and int(columns[2], 16) & _COMPLETE:
            found.add(columns[3].lower())
    return found

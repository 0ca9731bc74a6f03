"""The kit for plugin authors: a netboot server in memory, machines that boot from it, booters to put beside your own
plugin, and the contract that every booter keeps. No sockets, no root.

A plugin's tests import from here and from ``pixiecore_core``, and need nothing else.
"""

from pixiecore_core.testing.contract import BooterContract
from pixiecore_core.testing.fakes import BrokenBooter, EmptyBooter, FixedBooter, SlowBooter, architecture, configured
from pixiecore_core.testing.netboot import Boot, Netboot, Offer

__all__ = [
    "Boot",
    "BooterContract",
    "BrokenBooter",
    "EmptyBooter",
    "FixedBooter",
    "Netboot",
    "Offer",
    "SlowBooter",
    "architecture",
    "configured",
]

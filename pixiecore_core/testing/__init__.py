"""The kit for plugin authors: a netboot server in memory, and machines that boot from it. No sockets, no root.

A plugin's tests import from here and from ``pixiecore_core``, and need nothing else.
"""

from pixiecore_core.testing.netboot import Netboot, Offer

__all__ = ["Netboot", "Offer"]

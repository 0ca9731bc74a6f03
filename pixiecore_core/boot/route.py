"""Decides where a DHCP reply goes: to a relay, to the client's own address, or to everyone on the wire.

RFC 2131 section 4.1 for port 67, PXE 2.1 section 2.2.3 for port 4011. Sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from pixiecore_core.models import Stage
from pixiecore_core.wire.dhcp4 import NO_ADDRESS, Dhcp4Message

BROADCAST = "255.255.255.255"


@dataclass(frozen=True, slots=True)
class Destination:
    """An address and UDP port to send to."""

    ip: str
    port: int


def destination(message: Dhcp4Message, stage: Stage, source: tuple[str, int], dhcp_port: int = 67) -> Destination:
    """Where the reply to *message* belongs.

    :param source: address and port that the request came from
    :param dhcp_port: our own port; clients listen one above it, as on the standard 67 and 68
    """
    if stage == "pxe":
        # EDK2 asks from 4011 and iPXE from 68: both expect the answer where they asked from.
        return Destination(*source)
    if message.giaddr != NO_ADDRESS:
        return Destination(str(message.giaddr), dhcp_port)
    if message.ciaddr != NO_ADDRESS:
        return Destination(str(message.ciaddr), dhcp_port + 1)
    return Destination(BROADCAST, dhcp_port + 1)

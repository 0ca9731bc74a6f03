"""The facts that single messages are, the same whether a server hears them or a capture holds them.

Pure: a message in, a fact out. Whether it is news, and what it means, is not decided here.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address

from pixiecore_core.models import Client, PxeRequest
from pixiecore_core.models.facts import AddressAsked, Noticed, Offered, PxeAnswered, ScriptOffered
from pixiecore_core.wire.dhcp4 import Dhcp4Message, Option

_ODD_RANGE = re.compile(r"bytes=u?-?u", re.ASCII)
"""What a broken build of iPXE for i386 asks for (ipxe issue 767)."""


def address_asked(mac: str, message: Dhcp4Message, client: str) -> AddressAsked:
    """A DHCPREQUEST: the server that the *client* chose (RFC 2131, section 4.3.2), and the address that it asks for."""
    return AddressAsked(
        mac=mac,
        client=client,
        vendor_class=message.options.get(Option.VENDOR_CLASS, b"").decode("latin-1"),
        server=_address(message.options.get(Option.SERVER_ID, b"")),
        asked_for=_address(message.options.get(Option.REQUESTED_ADDRESS, b"")),
        seconds=message.secs,
    )


def kind_of_answer(request: PxeRequest) -> type[Offered] | type[PxeAnswered] | type[ScriptOffered]:
    """What an answer to this request is."""
    if request.stage == "pxe":
        return PxeAnswered
    return ScriptOffered if request.client is Client.IPXE else Offered


def odd_range(mac: str, asked: str) -> Noticed | None:
    """What there is to notice in the Range header that a machine sent: *asked*, empty where it sent none."""
    if not _ODD_RANGE.fullmatch(asked):
        return None
    return Noticed(mac=mac, what="odd-range", text=f"asked for {asked!r}, as a broken iPXE does")


def _address(option: bytes) -> str:
    return str(IPv4Address(option)) if len(option) == 4 else ""

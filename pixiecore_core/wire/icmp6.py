"""Two messages of IPv6 neighbour discovery: a router solicitation, read, and router advertisements, read and made.

As a raw ICMPv6 socket of Linux passes them: without the IPv6 header, with the checksum seen to by the kernel (RFC 3542
section 3.1). Bytes to values and back; who is answered is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from pixiecore_core.errors import WireError

ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT = 133, 134
HOP_LIMIT = 255
"""Of every valid message: with less, a router forwarded it, so that it is not of this link (RFC 4861 section 6.1)."""
_SOURCE_LINK_ADDRESS = 1  # RFC 4861 section 4.6.1
_UNIT = 8  # in which options give their length
_SOLICITATION_BYTES, _ADVERTISEMENT_BYTES = 8, 16


@dataclass(frozen=True, slots=True)
class Solicitation:
    """Somebody asks for routers (RFC 4861 section 4.1)."""

    link_address: str | None = None
    """Its hardware address, if it says it and is an Ethernet's, in our form: ``52:54:00:12:34:56``."""


@dataclass(frozen=True, slots=True)
class Advertisement:
    """A router says that it is there (RFC 4861 section 4.2)."""

    lifetime: int
    """Seconds for which it is a router that may be used; 0: it is none."""


SOLICITATION = bytes([ROUTER_SOLICITATION]) + bytes(_SOLICITATION_BYTES - 1)
"""Asks routers to say that they are there."""
QUIET_ADVERTISEMENT = bytes([ROUTER_ADVERTISEMENT]) + bytes(_ADVERTISEMENT_BYTES - 1)
"""It names no router (lifetime 0), no prefix, no flag: whoever waits for an advertisement has had one, and nothing else
comes of it."""


def parse(data: bytes) -> Solicitation | Advertisement:
    """Read a message.

    :raises WireError: it is neither, or not a valid one (RFC 4861 sections 6.1.1 and 6.1.2)
    """
    if len(data) < _SOLICITATION_BYTES:
        raise WireError("an ICMPv6 message that is cut off", len(data))
    kind, code = data[0], data[1]
    if code != 0:
        raise WireError(f"neighbour discovery with code {code}", 1)
    if kind == ROUTER_SOLICITATION:
        return Solicitation(_link_address(data, _SOLICITATION_BYTES))
    if kind == ROUTER_ADVERTISEMENT:
        if len(data) < _ADVERTISEMENT_BYTES:
            raise WireError("a router advertisement that is cut off", len(data))
        _link_address(data, _ADVERTISEMENT_BYTES)  # options without a length make the whole message invalid
        return Advertisement(int.from_bytes(data[6:8], "big"))
    raise WireError(f"ICMPv6 message of type {kind}", 0)


def _link_address(data: bytes, position: int) -> str | None:
    found = None
    while position < len(data):
        if position + 2 > len(data):
            raise WireError("an option that is cut off", position)
        size = data[position + 1] * _UNIT
        if size == 0 or position + size > len(data):
            raise WireError("an option with a wrong length", position + 1)
        if data[position] == _SOURCE_LINK_ADDRESS and size == _UNIT:
            found = data[position + 2 : position + _UNIT].hex(":")
        position += size
    return found

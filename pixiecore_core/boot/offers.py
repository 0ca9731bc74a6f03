"""Builds the DHCP reply that each kind of firmware accepts: the ProxyDHCP offer and the boot-server ACK.

What differs between kinds is in the rows of :mod:`pixiecore_core.boot.variants`; the code is the same for all. Never an
address for the client: yiaddr stays 0, so no DHCP server is disturbed. Whether to answer is decided elsewhere.
"""

from __future__ import annotations

from pixiecore_core.boot.paths import ServerAddress
from pixiecore_core.errors import WireError
from pixiecore_core.models import PxeRequest
from pixiecore_core.models.offer import OfferVariant
from pixiecore_core.wire.dhcp4 import FILE_BYTES, NO_ADDRESS, Dhcp4Message, MessageType, Op, Option, suboptions

_OFFER, _ACK = bytes([MessageType.OFFER]), bytes([MessageType.ACK])
_BROADCAST = 0x8000
_ECHOED = (Option.RELAY_AGENT, Option.CLIENT_UUID)
"""RFC 3046 section 2.2 and RFC 4578 section 2.3; an Intel ROM that sent no UUID must get none."""
_BOOT_ITEM = 71
_OURS = b"\x80\x00"
"""PXE 2.1 table 2-1: the first type of boot server that vendors may define."""


def offer(
    request: PxeRequest, message: Dhcp4Message, server: ServerAddress, boot_file: str, variant: OfferVariant
) -> Dhcp4Message:
    """The answer to *message*, an OFFER on port 67 or an ACK on 4011.

    :param boot_file: name or URL of the file that the client is to fetch, in ASCII
    """
    name = boot_file.encode("ascii")
    options: dict[int, bytes] = {}
    vendor_specific = _menu(server) if variant.menu else variant.vendor_specific or _echoed_item(request, message)
    if vendor_specific:
        options[Option.VENDOR_SPECIFIC] = vendor_specific
    discovers = request.stage == "dhcp" and message.message_type == MessageType.DISCOVER
    options[Option.MESSAGE_TYPE] = _OFFER if discovers else _ACK
    options[Option.SERVER_ID] = server.ip.packed
    if variant.vendor_class:
        options[Option.VENDOR_CLASS] = variant.vendor_class
    options |= {echoed: message.options[echoed] for echoed in _ECHOED if echoed in message.options}
    if variant.ipxe:
        options[Option.IPXE] = variant.ipxe
    if variant.tftp_server:
        options[Option.TFTP_SERVER_NAME] = str(server.ip).encode()
    fits = len(name) < FILE_BYTES
    if not fits or variant.always_option_67:
        # NUL-terminated and last: firmware reads it as a C string, and EDK2 writes a NUL after it (PxeBcDhcp4.c).
        options[Option.BOOT_FILE] = name + b"\0"
    return Dhcp4Message(
        op=Op.BOOTREPLY,
        xid=message.xid,
        chaddr=message.chaddr,
        # The client has no address yet and may not hear unicast; a relay delivers by this flag too (RFC 2131 4.1).
        flags=_BROADCAST if request.stage == "dhcp" else message.flags,
        ciaddr=message.ciaddr if request.stage == "pxe" else NO_ADDRESS,
        siaddr=server.ip,
        giaddr=message.giaddr,
        sname=str(server.ip).encode() if variant.server_name else b"",
        file=name if fits else b"",
        options=options,
    )


def _menu(server: ServerAddress) -> bytes:
    """Option 43 with a list of one boot server, us, and a menu that takes it at once (PXE 2.1 table 2-1)."""
    name = b"Pixiecore"
    only_listed = b"\x06\x01\x07"  # neither broadcast nor multicast discovery, and no server that is not in the list
    servers = b"\x08\x07" + _OURS + b"\x01" + server.ip.packed
    entry = bytes([9, 3 + len(name)]) + _OURS + bytes([len(name)]) + name
    at_once = bytes([10, 1 + len(name), 0]) + name
    return only_listed + servers + entry + at_once + b"\xff"


def _echoed_item(request: PxeRequest, message: Dhcp4Message) -> bytes:
    """Option 43 of an answer to a boot-server request that names the item which was chosen (PXE 2.1 section 2.2.4)."""
    if request.stage != "pxe" or Option.VENDOR_SPECIFIC not in message.options:
        return b""
    try:
        item = suboptions(message.options[Option.VENDOR_SPECIFIC]).get(_BOOT_ITEM, b"")
    except WireError:
        return b""
    return bytes([_BOOT_ITEM, len(item)]) + item + b"\xff" if len(item) == 4 else b""

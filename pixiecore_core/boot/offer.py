"""Builds the DHCP reply that each kind of firmware accepts: the ProxyDHCP offer and the boot-server ACK.

Takes a request and our address, returns a message. Never an address for the client: yiaddr stays 0, so no DHCP server
has anything to fear. Whether to answer at all has been decided before.
"""

from __future__ import annotations

from pixiecore_core.boot.server import ServerAddress, loader_path
from pixiecore_core.models import Client, Firmware, PxeRequest
from pixiecore_core.wire.dhcp4 import FILE_BYTES, NO_ADDRESS, Dhcp4Message, MessageType, Op, Option

_SKIP_DISCOVERY = b"\x06\x01\x08\xff"
"""Option 43, PXE 2.1 table 2-1: sub-option 6 with bit 3, "fetch the boot file, no menu, no boot-server discovery"."""
_IPXE_PRIORITY = b"\x01\x01\x01"
"""Option 175 sub-option 1 = 1: our boot file outranks one that the ordinary DHCP server names (iPXE settings.c)."""
_OFFER, _ACK = bytes([MessageType.OFFER]), bytes([MessageType.ACK])
_BROADCAST = 0x8000


def offer(request: PxeRequest, message: Dhcp4Message, server: ServerAddress) -> Dhcp4Message:
    """The answer to *message*, an OFFER on port 67 or an ACK on 4011.

    :raises ValueError: the request is from a firmware that no boot file exists for
    """
    boot_file = _boot_file(request, server)
    options: dict[int, bytes] = {}
    if (
        request.client is Client.PXE
        and request.stage == "dhcp"
        and request.firmware in (Firmware.BIOS, Firmware.BIOS_IPXE)
    ):
        # Without it a BIOS ROM ends in PXE-E55 (siderolabs/booter issue 4). UEFI is better off without: some drop
        # offers that bypass discovery, and all ask 4011 when it is missing.
        options[Option.VENDOR_SPECIFIC] = _SKIP_DISCOVERY
    options[Option.MESSAGE_TYPE] = _OFFER if request.stage == "dhcp" else _ACK
    options[Option.SERVER_ID] = server.ip.packed
    options[Option.VENDOR_CLASS] = b"HTTPClient" if request.client is Client.HTTP_BOOT else b"PXEClient"
    for echoed in (Option.RELAY_AGENT, Option.CLIENT_UUID):
        # RFC 3046 section 2.2 and RFC 4578 section 2.3; an Intel ROM that sent no UUID must get none.
        if echoed in message.options:
            options[echoed] = message.options[echoed]
    if request.client is Client.IPXE:
        options[Option.IPXE] = _IPXE_PRIORITY
    fits = len(boot_file) < FILE_BYTES
    if not fits or request.client is Client.HTTP_BOOT:
        # NUL-terminated and last: firmware reads it as a C string, and EDK2 writes a NUL behind it (PxeBcDhcp4.c).
        options[Option.BOOT_FILE] = boot_file + b"\0"
    return Dhcp4Message(
        op=Op.BOOTREPLY,
        xid=message.xid,
        chaddr=message.chaddr,
        # The client has no address yet and may not hear unicast; a relay delivers by this flag too (RFC 2131 4.1).
        flags=_BROADCAST if request.stage == "dhcp" else message.flags,
        ciaddr=message.ciaddr if request.stage == "pxe" else NO_ADDRESS,
        siaddr=server.ip,
        giaddr=message.giaddr,
        sname=str(server.ip).encode() if request.client is Client.PXE else b"",
        file=boot_file if fits else b"",
        options=options,
    )


def _boot_file(request: PxeRequest, server: ServerAddress) -> bytes:
    if request.client is Client.IPXE:
        return server.script_url(request.machine).encode()
    if request.firmware is None:
        raise ValueError(f"no boot file exists for {request.machine.architecture}")
    if request.client is Client.HTTP_BOOT:
        return server.loader_url(request.machine, request.firmware).encode()
    return loader_path(request.machine.mac, request.firmware).encode()

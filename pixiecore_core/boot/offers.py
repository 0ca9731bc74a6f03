"""Builds the DHCP reply that each kind of firmware accepts: the ProxyDHCP offer and the boot-server ACK.

What differs between kinds is in the rows of a table, each with its source; the code is the same for all. Never an
address for the client: yiaddr stays 0, so no DHCP server has anything to fear. Whether to answer is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from pixiecore_core.boot.paths import ServerAddress
from pixiecore_core.firmware.rows import FirmwareFamily
from pixiecore_core.models import Client, PxeRequest, Stage
from pixiecore_core.wire.dhcp4 import FILE_BYTES, NO_ADDRESS, Dhcp4Message, MessageType, Op, Option

_SKIP_DISCOVERY = b"\x06\x01\x08\xff"
"""Option 43, PXE 2.1 table 2-1: sub-option 6 with bit 3, "fetch the boot file, no menu, no boot-server discovery"."""
_IPXE_PRIORITY = b"\x01\x01\x01"
"""Option 175 sub-option 1 = 1: our boot file outranks one that the ordinary DHCP server names (iPXE settings.c)."""
_OFFER, _ACK = bytes([MessageType.OFFER]), bytes([MessageType.ACK])
_BROADCAST = 0x8000
_ECHOED = (Option.RELAY_AGENT, Option.CLIENT_UUID)
"""RFC 3046 section 2.2 and RFC 4578 section 2.3; an Intel ROM that sent no UUID must get none."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to word an offer, and the clients it is for.

    The first row that fits a request is the one that it is offered.
    """

    name: str
    client: Client
    source: str
    """Which firmware forced it, or which specification says so."""
    family: FirmwareFamily | None = None
    """Only for this family; for any if ``None``."""
    stage: Stage | None = None
    """Only at this port; at both if ``None``."""
    vendor_class: bytes = b"PXEClient"
    """Option 60."""
    vendor_specific: bytes = b""
    """Option 43."""
    ipxe: bytes = b""
    """Option 175."""
    server_name: bool = False
    """Whether the header's sname holds our address."""
    always_option_67: bool = False
    """Whether the boot file is in option 67 even where the header's file field can hold it."""

    def fits(self, request: PxeRequest) -> bool:
        """Whether this row is for *request*."""
        architecture = request.machine.architecture
        return (
            self.client is request.client
            and self.stage in (None, request.stage)
            and (self.family is None or (architecture is not None and architecture.family is self.family))
        )


VARIANTS = (
    Variant(
        "bios",
        Client.PXE,
        "without option 43 a BIOS ROM ends in PXE-E55 (siderolabs/booter issue 4)",
        family=FirmwareFamily.BIOS,
        stage="dhcp",
        vendor_specific=_SKIP_DISCOVERY,
        server_name=True,
    ),
    Variant(
        "binl",
        Client.PXE,
        "UEFI is better off without option 43: some drop offers that skip discovery, and all then ask 4011",
        server_name=True,
    ),
    Variant("ipxe", Client.IPXE, "iPXE settings.c and dhcp.c", ipxe=_IPXE_PRIORITY),
    Variant(
        "http-boot",
        Client.HTTP_BOOT,
        "UEFI 2.10 section 24.7: option 60 must be echoed, and the boot file is a URL in option 67",
        vendor_class=b"HTTPClient",
        always_option_67=True,
    ),
)
"""Every way to word an offer."""


def variants_for(request: PxeRequest) -> tuple[Variant, ...]:
    """The rows that fit *request*, the one to begin with first."""
    return tuple(variant for variant in VARIANTS if variant.fits(request))


def offer(
    request: PxeRequest, message: Dhcp4Message, server: ServerAddress, boot_file: str, variant: Variant
) -> Dhcp4Message:
    """The answer to *message*, an OFFER on port 67 or an ACK on 4011.

    :param boot_file: name or URL of the file that the client is to fetch, in ASCII
    """
    name = boot_file.encode("ascii")
    options: dict[int, bytes] = {}
    if variant.vendor_specific:
        options[Option.VENDOR_SPECIFIC] = variant.vendor_specific
    options[Option.MESSAGE_TYPE] = _OFFER if request.stage == "dhcp" else _ACK
    options[Option.SERVER_ID] = server.ip.packed
    options[Option.VENDOR_CLASS] = variant.vendor_class
    options |= {echoed: message.options[echoed] for echoed in _ECHOED if echoed in message.options}
    if variant.ipxe:
        options[Option.IPXE] = variant.ipxe
    fits = len(name) < FILE_BYTES
    if not fits or variant.always_option_67:
        # NUL-terminated and last: firmware reads it as a C string, and EDK2 writes a NUL behind it (PxeBcDhcp4.c).
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

"""Decides whether a DHCP message is a machine that wants to boot from the network, and what it is.

First on raw bytes, since ordinary DHCP traffic must cost microseconds; then on the decoded message. "Not for us" is a
value with a reason, never an exception. Knows firmware; knows nothing about policy or how to answer.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from uuid import UUID

from pixiecore_core.boot.identify import bus_id
from pixiecore_core.errors import WireError
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.firmware.rows import Architecture, Transport
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models import Client, Machine, PxeRequest, Stage
from pixiecore_core.wire.dhcp4 import (
    HEADER_BYTES,
    MAGIC_COOKIE,
    NO_ADDRESS,
    Dhcp4Message,
    MessageType,
    Op,
    Option,
    suboptions,
)

_FEATURE_HTTP = 0x13  # iPXE features.h: DHCP_EB_FEATURE_HTTP inside option 175
_BUS_ID = 0xB1  # iPXE dhcp.h: DHCP_EB_BUS_ID
_CLASS_ARCHITECTURE = re.compile(rb"Arch:(\d{5})")
_NO_MAC = bytes(6)
_GO_CLASS = b"pixiecore"


@dataclass(frozen=True, slots=True)
class NotForUs:
    """Why a message gets no answer.

    ``noteworthy`` is true where a person who watches their machine fail would want to read the reason, false for
    traffic that simply does not concern us.
    """

    reason: str
    noteworthy: bool = False


def might_netboot(data: bytes) -> bool:
    """Whether it is worth decoding *data* at all: a BOOTREQUEST that mentions option 93 or a network-boot class.

    Lets through some that are not; never stops one that is.
    """
    return (
        len(data) > HEADER_BYTES
        and data[0] == Op.BOOTREQUEST
        and data[236:240] == MAGIC_COOKIE
        # 0x5d is option 93. Overload may put it into sname or file (RFC 2132 section 9.3), so look there too.
        and (b"\x5d" in data[44:] or b"PXEClient" in data or b"HTTPClient" in data)
    )


def classify(
    message: Dhcp4Message,
    stage: Stage,
    interface: str,
    subnet: IPv4Network | None = None,
    firmware: FirmwareTable = KNOWN,
    relays: Container[IPv4Address] = (),
    answers_requests: Callable[[str], bool] = lambda mac: False,
) -> PxeRequest | NotForUs:
    """What *message* is to us.

    :param stage: ``"dhcp"`` if it came to port 67, ``"pxe"`` if to the boot-server port 4011
    :param interface: our interface that it came in on
    :param subnet: our network there that the sender is on, if it is on one
    :param firmware: what is known about the codes that clients send
    :param relays: the relays that are believed; of a machine behind another nothing is known of where it is
    :param answers_requests: whether a machine's DHCPREQUEST, which is meant for its DHCP server, concerns us too
    """
    refusal = _not_usable(message, stage, answers_requests)
    if refusal is not None:
        return refusal
    vendor_class = message.options.get(Option.VENDOR_CLASS, b"")
    try:
        kind = _architecture(firmware, message.options.get(Option.CLIENT_ARCHITECTURE, b""), vendor_class)
        uuid = _uuid(message)
        ipxe = is_ipxe(message)
        # The Go Pixiecore's is known by its class, and need not say what it can do.
        by_go = message.options.get(Option.USER_CLASS) == _GO_CLASS
        features = suboptions(message.options.get(Option.IPXE, b"")) if ipxe and not by_go else {}
    except WireError as error:
        return NotForUs(str(error), noteworthy=True)
    if kind is None:
        return NotForUs("not a network boot: no client architecture (option 93)")
    if not ipxe:
        kind = firmware.meant(kind, message.chaddr.hex(":"))
    loader = firmware.loader_for(kind, ipxe)
    # On 4011 no relay is in between: the answer goes back to the source, whatever giaddr says.
    relayed = stage == "dhcp" and message.giaddr != NO_ADDRESS
    # Old vendor ROMs are built without HTTP: the feature list in option 175 says so (danderson/netboot issue 17).
    if by_go or _FEATURE_HTTP in features:
        client = Client.IPXE
    elif kind.transport is Transport.HTTP or vendor_class.startswith(b"HTTPClient"):
        client = Client.HTTP_BOOT
    else:
        client = Client.PXE
    if client is Client.IPXE and stage == "dhcp" and message.message_type != MessageType.DISCOVER:
        return NotForUs("not a DISCOVER")
    return PxeRequest(
        machine=Machine(
            mac=message.chaddr.hex(":"),
            architecture=kind,
            uuid=uuid,
            interface=interface,
            subnet=None if relayed else subnet,
            relay=message.giaddr if relayed and message.giaddr in relays else None,
            bus_id=bus_id(features.get(_BUS_ID, b"")),
            hostname=message.options.get(Option.HOST_NAME, b"").rstrip(b"\0").decode("utf-8", "replace"),
        ),
        client=client,
        loader=loader.name if loader is not None else None,
        stage=stage,
        vendor_class=_printable(vendor_class),
        transaction_id=message.xid,
        seconds=message.secs,
        without_http=ipxe and client is Client.PXE,
    )


def _not_usable(message: Dhcp4Message, stage: Stage, answers_requests: Callable[[str], bool]) -> NotForUs | None:
    kind = message.message_type
    if message.op != Op.BOOTREQUEST:
        return NotForUs("a reply, not a request")
    answered = kind == MessageType.REQUEST and stage == "dhcp" and answers_requests(message.chaddr.hex(":"))
    if stage == "dhcp" and kind != MessageType.DISCOVER and not answered:
        return NotForUs("not a DISCOVER")
    # PXE 2.1 section 2.2.3 asks boot servers with REQUEST; some clients send INFORM.
    if stage == "pxe" and kind not in (MessageType.REQUEST, MessageType.INFORM, MessageType.DISCOVER):
        return NotForUs("not a boot-server request")
    if message.htype != 1 or len(message.chaddr) != 6:
        return NotForUs(
            f"hardware type {message.htype} with {len(message.chaddr)}-byte addresses is not Ethernet", True
        )
    if message.chaddr == _NO_MAC or message.chaddr[0] & 1:
        # NVIDIA/deepops issue 32: all zeros from a card without a programmed address.
        return NotForUs(f"{message.chaddr.hex(':')} is not the address of one card", True)
    return None


@lru_cache(maxsize=256)
def _architecture(firmware: FirmwareTable, value: bytes, vendor_class: bytes) -> Architecture | None:
    """Option 93 is a list of 16-bit codes (RFC 4578 section 2.1): the first that we can feed, else the first.

    Without a usable one, the class ``PXEClient:Arch:000NN`` decides, as EDK2 on the Raspberry Pi 4 needs; never the
    other way round, because old iPXE says a bare ``PXEClient`` (ipxe issue 1527).
    """
    if len(value) % 2:
        raise WireError(f"client architecture (option 93) has an odd length, {len(value)}")
    kinds = [firmware.architecture(code) for (code,) in struct.iter_unpack("!H", value)]
    if kinds:
        return next((kind for kind in kinds if firmware.loader_for(kind)), kinds[0])
    match = _CLASS_ARCHITECTURE.search(vendor_class)
    return firmware.architecture(int(match[1])) if match and int(match[1]) <= 0xFFFF else None


def _uuid(message: Dhcp4Message) -> UUID | None:
    """Option 97: a type byte and 16 bytes (RFC 4578 section 2.3). Absent from some Intel ROMs: that is not an error.
    All zeros is how EDK2 says "not programmed" (PxeBcDhcp4.c).

    EDK2 sends the SMBIOS bytes as they lie in memory, the first three fields little-endian; so does every PXE ROM.
    """
    value = message.options.get(Option.CLIENT_UUID)
    if value is None or len(value) != 17 or value[0] != 0 or value[1:] in (bytes(16), b"\xff" * 16):
        return None
    return UUID(bytes_le=value[1:])


@lru_cache(maxsize=256)
def _printable(text: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "?" for byte in text)


def is_ipxe(message: Dhcp4Message) -> bool:
    """iPXE puts a bare ``iPXE`` into option 77; RFC 3004 section 4 wants each class after its length. Both count.

    ``pixiecore`` is the class of the iPXE that the Go Pixiecore shipped. A client that names another class wants to be
    treated as plain PXE, even if option 175 betrays it.
    """
    value = message.options.get(Option.USER_CLASS, b"")
    classes = {value}
    position = 0
    while position < len(value):
        end = position + 1 + value[position]
        classes.add(value[position + 1 : end])
        position = end
    return not classes.isdisjoint({b"iPXE", _GO_CLASS})

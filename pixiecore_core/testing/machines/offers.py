"""How firmware reads the offers that it has collected, and which it takes. Pure.

EDK2's order is that of PxeBcSelectDhcp4Offer (NetworkPkg, PxeBcDhcp4.c), iPXE's that of dhcp.c and settings.c. The
address in an offer is never taken; that somebody gave one is part of the choice all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from pixiecore_core.errors import WireError
from pixiecore_core.testing.machines.steps import Answer
from pixiecore_core.wire.dhcp4 import NO_ADDRESS, MessageType, Option, suboptions

_DISCOVERY, _SERVERS, _MENU, _PROMPT = 6, 8, 9, 10  # sub-options of 43 (PXE 2.1 table 2-1)
_SKIP = 0x08
_PRIORITY, _NO_PROXY = 1, 176  # sub-options of 175 (iPXE dhcp.h)
_LARGEST_FOR_EDK2 = 1472


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer, read."""

    source: str
    seconds: float
    leases: bool
    """Whether it gives an address: whether it is from a DHCP server, not a proxy."""
    address: IPv4Address
    vendor_class: bytes
    file: str
    """The header's."""
    boot_file: str
    """Option 67's."""
    server: IPv4Address
    """``siaddr``, or where there is none option 66."""
    server_id: IPv4Address
    """Option 54."""
    vendor: dict[int, bytes] | None
    """The sub-options of 43; ``None`` without it."""
    ipxe: dict[int, bytes]
    """The sub-options of 175."""

    @property
    def name(self) -> str:
        """The boot file: option 67 before the header, as EDK2 and most firmware have it."""
        return self.boot_file or self.file

    @property
    def is_pxe(self) -> bool:
        """Whether it says that it is for PXE."""
        return self.vendor_class.startswith(b"PXEClient")

    @property
    def is_http(self) -> bool:
        """Whether it says that it is for HTTP Boot."""
        return self.vendor_class.startswith(b"HTTPClient")

    @property
    def skips_discovery(self) -> bool:
        """Whether the boot file is to be fetched without a menu and without asking a boot server."""
        control = (self.vendor or {}).get(_DISCOVERY, b"")
        return bool(control and control[0] & _SKIP and self.name)

    @property
    def is_menu(self) -> bool:
        """Whether it has PXE 1.0's sub-options, discovery control or servers, a menu or a prompt."""
        return any(code in (self.vendor or {}) for code in range(_DISCOVERY, _PROMPT + 1))

    @property
    def listed_server(self) -> tuple[IPv4Address, bytes] | None:
        """The first boot server of a list, and its type."""
        servers = (self.vendor or {}).get(_SERVERS, b"")
        return (IPv4Address(servers[3:7]), servers[:2]) if len(servers) >= 7 and servers[2] else None

    @property
    def fetches_from(self) -> IPv4Address:
        """The TFTP server."""
        return self.server if self.server != NO_ADDRESS else self.server_id


def read(answers: Iterable[Answer]) -> list[Offer]:
    """The offers among what came in, in their order."""
    wanted = (MessageType.OFFER, MessageType.ACK)
    return [_read(one) for one in answers if one.message.message_type in (*wanted, 0)]


def _read(answer: Answer) -> Offer:
    message = answer.message
    options = message.options
    vendor = options.get(Option.VENDOR_SPECIFIC)
    siaddr = message.siaddr if message.siaddr != NO_ADDRESS else _address(_text(options.get(66, b"")))
    return Offer(
        source=answer.source,
        seconds=answer.seconds,
        leases=message.yiaddr != NO_ADDRESS,
        address=message.yiaddr,
        vendor_class=options.get(Option.VENDOR_CLASS, b""),
        file=_text(message.file),
        boot_file=_text(options.get(Option.BOOT_FILE, b"")),
        server=siaddr,
        server_id=_packed(options.get(Option.SERVER_ID, b"")),
        vendor=None if vendor is None else _inside(vendor),
        ipxe=_inside(options.get(Option.IPXE, b"")),
    )


def _inside(value: bytes) -> dict[int, bytes]:
    try:
        return suboptions(value)
    except WireError:
        return {}


def _text(value: bytes) -> str:
    """A C string, one character for each byte."""
    return value.partition(b"\0")[0].decode("latin-1")


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except AddressValueError:
        return NO_ADDRESS


def _packed(value: bytes) -> IPv4Address:
    return IPv4Address(value) if len(value) == 4 else NO_ADDRESS


@dataclass(frozen=True, slots=True)
class Choice:
    """What firmware makes of its offers.

    :param ask: the boot servers to ask, one after the other; empty where the offer itself has the file
    :param without_lease: whether it would not have come to this choice, for lack of a DHCP server's offer
    """

    offer: Offer
    ask: tuple[Offer, ...] = ()
    without_lease: bool = False


def for_pxe(offers: Sequence[Offer]) -> Choice | None:
    """What EDK2 takes; PXE ROMs do much the same (PXE 2.1 section 2.2.3).

    A proxy's offer needs one beside it that gives an address and is not for PXE itself.
    """
    usable = [one for one in offers if one.leases or one.is_pxe]
    lease_pxe = [one for one in usable if one.leases and one.is_pxe]
    plain = [one for one in usable if one.leases and not one.is_pxe]
    proxies = [one for one in usable if not one.leases]
    menus = [one for one in proxies if one.is_menu][:1]  # the first alone is kept
    binl = [one for one in proxies if one.vendor is None]
    beside = bool(plain) or not lease_pxe
    without = not plain
    for offer in lease_pxe:
        if offer.is_menu:
            return _by(offer, False)
    if menus and beside:
        return _by(menus[0], without)
    for offer in lease_pxe:
        if offer.vendor is None:
            return Choice(offer, (offer,))
    if binl and beside:
        return Choice(binl[0], tuple(binl), without)
    with_file = [one for one in plain if one.name]
    return Choice(with_file[0]) if with_file else None


def _by(offer: Offer, without_lease: bool) -> Choice:
    return Choice(offer, () if offer.skips_discovery else (offer,), without_lease)


def for_http_boot(offers: Sequence[Offer]) -> Choice | None:
    """What EDK2's HTTP Boot takes (HttpBootDhcp4.c): a URL, from whoever says HTTPClient; a proxy before the lease."""
    with_url = [one for one in offers if one.is_http and one.name.startswith("http")]
    has_lease = any(one.leases for one in offers)
    for leases in (False, True):
        for offer in with_url:
            if offer.leases is leases:
                return Choice(offer, without_lease=not has_lease)
    return None


def for_u_boot(offers: Sequence[Offer]) -> Choice | None:
    """What U-Boot takes: the first offer with an address. It reads the header alone (net/bootp.c)."""
    for leases in (True, False):
        for offer in offers:
            if offer.leases is leases and offer.server != NO_ADDRESS and (leases or offer.file):
                return Choice(offer, without_lease=not leases)
    return None


def for_pi(offers: Sequence[Offer]) -> Choice | None:
    """What a Raspberry Pi's ROM takes: an offer with the words that it looks for (rpi-eeprom issues 82 and 87)."""
    found = [one for one in offers if b"Raspberry Pi Boot" in (one.vendor or {}).get(_MENU, b"")]
    return Choice(found[0], without_lease=not any(one.leases for one in offers)) if found else None


def for_ipxe(offers: Sequence[Offer]) -> Choice | None:
    """What iPXE takes: the boot file of the DHCP server, but that of a proxy where it has a higher priority, or the
    server has none (settings.c, reprioritise_settings; dhcp.c).
    """
    leases = [one for one in offers if one.leases]
    ignores = any(_NO_PROXY in one.ipxe for one in leases)
    proxies = [] if ignores else [one for one in offers if not one.leases and one.is_pxe]
    proxies.sort(key=_priority, reverse=True)
    named = [one for one in proxies if one.file or one.boot_file]
    lease = next((one for one in leases if one.file or one.boot_file), None)
    if named and (lease is None or _priority(named[0]) > _priority(lease)):
        offer = named[0]
        asks = (offer,) if offer.server == NO_ADDRESS else ()
        return Choice(offer, asks, not leases)
    if lease is not None:
        return Choice(lease)
    return Choice(proxies[0], (proxies[0],), not leases) if proxies else None


def _priority(offer: Offer) -> int:
    value = offer.ipxe.get(_PRIORITY, b"")
    return int.from_bytes(value, "big", signed=True) if value else 0

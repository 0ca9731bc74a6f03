"""The DHCP messages of a simulated machine, made from its row. Pure: sends nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from uuid import UUID

from pixiecore_core.testing.machines import rows
from pixiecore_core.testing.machines.rows import Options, Row
from pixiecore_core.wire.dhcp4 import NO_ADDRESS, Dhcp4Message, MessageType, Op, Option

_BROADCAST = 0x8000


@dataclass(frozen=True, slots=True)
class Who:
    """One machine.

    :param xids: of its firmware's DHCP, of its request on port 4011, and of its iPXE's DHCP
    """

    mac: str
    uuid: UUID
    xids: tuple[int, int, int] = (1, 2, 3)
    address: IPv4Address = NO_ADDRESS
    """That it fetches from: one of the host's."""
    relay: IPv4Address = NO_ADDRESS
    """The address of the relay that it is behind."""
    hears_unicast: bool = False
    """Whether an answer to an address that it has not got yet would reach it, as it does in a card of its own. Where
    not, it sets the broadcast flag, whatever its firmware does."""

    @property
    def chaddr(self) -> bytes:
        """The MAC address as bytes."""
        return bytes.fromhex(self.mac.replace(":", ""))


def discover(row: Row, who: Who, secs: int) -> Dhcp4Message:
    """The firmware's DISCOVER.

    :param secs: seconds since it began, as it says
    """
    return _request(who, who.xids[0], row.options, secs, row.broadcast, row.file)


def ipxe_discover(ipxe: rows.Ipxe, who: Who, secs: int) -> Dhcp4Message:
    """iPXE's DISCOVER.

    :param secs: iPXE's count of attempts, and what it has been offered so far
    """
    return _request(who, who.xids[2], ipxe.options, secs, ipxe.broadcast)


def boot_server_request(
    options: Options, order: Iterable[int], who: Who, item: bytes = b"", secs: int = 0
) -> Dhcp4Message:
    """The request on port 4011 (PXE 2.1 section 2.2.4): with an address of its own, and without broadcast.

    :param order: which options, and in which order
    :param item: the boot item that was chosen from a menu, sub-option 71
    """
    filled = _filled(options, who) | {int(Option.MESSAGE_TYPE): bytes([MessageType.REQUEST])}
    chosen = {code: filled[code] for code in order}
    if item:
        chosen[Option.VENDOR_SPECIFIC] = b"\x47" + bytes([len(item)]) + item + b"\xff"
    return Dhcp4Message(
        op=Op.BOOTREQUEST, xid=who.xids[1], chaddr=who.chaddr, ciaddr=who.address, secs=secs, options=chosen
    )


def _request(who: Who, xid: int, options: Options, secs: int, broadcast: bool, file: bytes = b"") -> Dhcp4Message:
    return Dhcp4Message(
        op=Op.BOOTREQUEST,
        xid=xid,
        chaddr=who.chaddr,
        secs=secs,
        flags=_BROADCAST if broadcast or not who.hears_unicast else 0,
        giaddr=who.relay,
        hops=0 if who.relay == NO_ADDRESS else 1,
        file=file,
        options=_filled(options, who),
    )


def _filled(options: Options, who: Who) -> dict[int, bytes]:
    """The options with the machine's own bytes in them; a UUID as it lies in SMBIOS (RFC 4578 section 2.3)."""
    return {
        int(code): value.replace(rows.MAC, who.chaddr).replace(rows.UUID, who.uuid.bytes_le) for code, value in options
    }

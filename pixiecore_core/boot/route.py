"""Decides where a DHCP reply goes: to everyone on the wire, to a relay, back to a client, or nowhere.

RFC 2131 section 4.1 for port 67, PXE 2.1 section 2.2.3 for 4011. Whoever sends a datagram chooses its source, giaddr
and ciaddr: none of them may have us send to somebody who did not ask. Pure; the time is an argument. Sends nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from pixiecore_core.boot.rationing import Rations
from pixiecore_core.models import Stage
from pixiecore_core.wire.dhcp4 import NO_ADDRESS, Dhcp4Message

BROADCAST = "255.255.255.255"

EACH_RELAY = (5.0, 20.0)
"""Answers a second, and at once, for a relay that is not named. UEFI asks four times in 28 s, iPXE twice."""
ALL_RELAYS = (10.0, 40.0)
"""The same for all of them together that are on our link, and for all others."""

_CLIENT_PORT = 68
_BOOT_SERVER_PORT = 4011
_FIRST_DYNAMIC_PORT = 32768
"""Linux's; other systems' are higher. Below it are services: some speak UDP and would answer our answer."""


@dataclass(frozen=True, slots=True)
class Destination:
    """An address and UDP port to send to."""

    ip: str
    port: int
    near: bool = False
    """Whether it is on the link that the request came in on; otherwise the kernel's routes lead there."""


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """Why a request gets no answer."""

    word: str
    """For the count: one of a few."""
    reason: str
    """For the log: with what the user can do about it."""


class Relays:
    """The relays that the user has named: answered wherever they send from, and believed.

    :param named: their networks; one address is a network of 32 bits
    """

    def __init__(self, named: Iterable[IPv4Network] = ()) -> None:
        every = list(named)
        self._addresses = {network.network_address for network in every if network.prefixlen == 32}
        self._networks = [network for network in every if network.prefixlen < 32]

    def __contains__(self, address: object) -> bool:
        return address in self._addresses or any(address in network for network in self._networks)

    def has_by_itself(self, address: IPv4Address) -> bool:
        """Whether *address* is named itself, not only a network around it."""
        return address in self._addresses


class Router:
    """Routes replies.

    :param relays: the relays, and for 4011 the networks behind them, that are named
    :param dhcp_port: our own port; clients listen one above it, as on the standard 67 and 68
    """

    def __init__(self, relays: Relays, dhcp_port: int = 67) -> None:
        self._relays = relays
        self._dhcp_port = dhcp_port
        # Apart, because a neighbour can forge any address of our own link, source and all.
        self._near_relays, self._far_relays = Rations(EACH_RELAY, ALL_RELAYS), Rations(EACH_RELAY, ALL_RELAYS)
        # Whether or not a DISCOVER has a ciaddr, which RFC 2131 section 4.4.1 wants to be zero.
        self._everyone = Destination(BROADCAST, dhcp_port + 1, near=True)

    def destination(
        self, message: Dhcp4Message, stage: Stage, source: tuple[str, int], link: Collection[IPv4Network], now: float
    ) -> Destination | Undeliverable:
        """Where the reply to *message* may go.

        :param source: address and port that the request came from
        :param link: the networks of the interface that it came in on
        :param now: seconds
        """
        if stage == "pxe":
            return self._client(IPv4Address(source[0]), source[1], link)
        if message.giaddr == NO_ADDRESS:
            return self._everyone
        return self._relay(message.giaddr, source[0], link, now)

    def _client(self, address: IPv4Address, port: int, link: Collection[IPv4Network]) -> Destination | Undeliverable:
        """EDK2 asks from port 4011 and iPXE from 68, and both expect the answer where they asked from."""
        if port < _FIRST_DYNAMIC_PORT and port not in (_CLIENT_PORT, _BOOT_SERVER_PORT, self._dhcp_port + 1):
            return Undeliverable("client-port", f"no client asks from {address}, port {port}")
        near = _around(address, link)
        unfit = self._unfit(address, near)
        if unfit is not None:
            return unfit
        if not near and address not in self._relays:
            return Undeliverable(
                "off-link",
                f"{address} is on no network of this interface; if it is behind a relay of yours, name the machines' "
                f"network: --trust-relay {_example(address)}",
            )
        return Destination(str(address), port, bool(near))

    def _relay(
        self, giaddr: IPv4Address, source: str, link: Collection[IPv4Network], now: float
    ) -> Destination | Undeliverable:
        """RFC 2131 section 4.1: to giaddr, on the server's port. A relay may send from another of its addresses: giaddr
        is the one that faces the client (RFC 1542 section 4.1.1). So of a named one the source says nothing.
        """
        near = _around(giaddr, link)
        unfit = self._unfit(giaddr, near)
        if unfit is not None:
            return unfit
        if giaddr not in self._relays:
            mend = f"if it is yours: --trust-relay {giaddr}"
            if source != str(giaddr):
                return Undeliverable("relay-not-named", f"relay {giaddr} is not named, and sent from {source}; {mend}")
            if not (self._near_relays if near else self._far_relays).take(giaddr, now):
                return Undeliverable("relay-rationed", f"relay {giaddr} is not named, and sends too much; {mend}")
        return Destination(str(giaddr), self._dhcp_port, bool(near))

    def _unfit(self, address: IPv4Address, near: list[IPv4Network]) -> Undeliverable | None:
        """Why nobody may be sent to at *address*, whoever vouches for it."""
        first, last = address.packed[0], address.packed[3]
        if first == 0 or first >= 224:
            return Undeliverable("no-host", f"{address} is not the address of one host")
        if first == 127 and not near:
            return Undeliverable("no-host", f"{address} is a loopback address, and came in from a network")
        if any(address in (one.network_address, one.broadcast_address) for one in near if one.prefixlen < 31):
            return Undeliverable("no-host", f"{address} is the broadcast address of our network")
        if not near and last in (0, 255) and not self._relays.has_by_itself(address):
            # Whether it is one, only its own network knows.
            return Undeliverable(
                "no-host", f"{address} may be the broadcast address of its network; if not: --trust-relay {address}"
            )
        return None


def _around(address: IPv4Address, link: Collection[IPv4Network]) -> list[IPv4Network]:
    return [network for network in link if address in network]


def _example(address: IPv4Address) -> IPv4Network:
    """The network that *address* is most likely in."""
    return IPv4Network((address, 24), strict=False)

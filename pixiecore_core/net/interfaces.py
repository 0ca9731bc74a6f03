"""Which network interfaces there are, and which of our addresses a client on one of them can reach.

Looked up afresh every few seconds and when somebody says so, because interfaces come and go. Opens no socket for
traffic.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network

import ifaddr

_FRESH_SECONDS = 5.0
_ANY = IPv4Address(0)


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface with at least one IPv4 address."""

    index: int
    name: str
    addresses: tuple[IPv4Address, ...]
    networks: tuple[IPv4Network, ...] = ()
    """Those that its addresses are in, that of the first one first."""

    def address(self, preferred: IPv4Address | None) -> IPv4Address:
        """The address to give to a client: *preferred* if it is ours here, else the best we have."""
        return preferred if preferred in self.addresses else self.addresses[0]

    def network_of(self, client: str) -> IPv4Network | None:
        """The network of ours that a client here is on: the first, as long as it has no address; ``None`` if it came
        from elsewhere.
        """
        if client == "0.0.0.0":
            return self.networks[0] if self.networks else None
        address = IPv4Address(client)
        return next((network for network in self.networks if address in network), None)


class Interfaces:
    """The interfaces that may be served.

    :param allowed: names to serve; all where empty
    :param listen: serve only the interface that has this address; any where ``0.0.0.0``
    """

    def __init__(
        self,
        allowed: Collection[str] = (),
        listen: IPv4Address = _ANY,
        clock: Callable[[], float] = time.monotonic,
        adapters: Callable[[], list[Interface]] | None = None,
    ) -> None:
        self._allowed = set(allowed)
        self._listen = listen
        self._clock = clock
        self._adapters = adapters or read_interfaces
        self._known: dict[int, Interface] = {}
        self._stale_at = 0.0

    def served(self, index: int) -> Interface | None:
        """The interface with this kernel index, or ``None`` where it has no IPv4 address or is not to be served."""
        self._refresh()
        return self._known.get(index)

    def serves(self, address: IPv4Address) -> bool:
        """Whether a client that reached us at this address of ours may be served. This host itself always may."""
        return not self._allowed or address.is_loopback or self.has(address)

    def has(self, address: IPv4Address) -> bool:
        """Whether an interface that is served has this address."""
        self._refresh()
        return any(address in interface.addresses for interface in self._known.values())

    def ours_on(self, name: str) -> IPv4Address | None:
        """Our address on an interface, by which its machines reach us; on any that is not this host's own loopback
        where none of that name is served.
        """
        self._refresh()
        known = sorted(self._known.values(), key=lambda one: (one.name != name, one.addresses[0].is_loopback))
        return known[0].addresses[0] if known else None

    def indexes(self) -> frozenset[int]:
        """The kernel's indexes of the interfaces that are served now."""
        self._refresh()
        return frozenset(self._known)

    def missing(self) -> list[str]:
        """The names to serve that no interface with an IPv4 address has at the moment."""
        self._refresh()
        return sorted(self._allowed - {interface.name for interface in self._known.values()})

    def expire(self) -> None:
        """Look them up afresh before they are next asked for: something has changed."""
        self._stale_at = 0.0

    def _refresh(self) -> None:
        now = self._clock()
        if now < self._stale_at:
            return
        self._stale_at = now + _FRESH_SECONDS
        # Without a spare descriptor nothing can be looked up: what was known will do.
        with contextlib.suppress(OSError):
            self._known = {found.index: found for found in self._wanted()}

    def _wanted(self) -> Iterator[Interface]:
        for interface in self._adapters():
            if self._allowed and interface.name not in self._allowed:
                continue
            if self._listen == _ANY:
                yield interface
            elif self._listen in interface.addresses:
                # Of several addresses, clients are told the one the user chose (danderson/netboot issue 20).
                networks = tuple(network for network in interface.networks if self._listen in network)
                yield replace(interface, addresses=(self._listen,), networks=networks)


def interface_names() -> list[str]:
    """The host's interfaces that have an IPv4 address."""
    return [interface.name for interface in read_interfaces()]


def is_ours(address: IPv4Address) -> bool:
    """Whether a socket can be bound to *address* on this host."""
    anyway = address == _ANY or address.is_loopback  # all of 127.0.0.0/8 is, whatever lo is said to have
    return anyway or any(address in interface.addresses for interface in read_interfaces())


def read_interfaces() -> list[Interface]:
    """The host's interfaces; of each, global addresses first, then link-local ones."""
    interfaces = []
    for adapter in ifaddr.get_adapters():
        prefixes = {IPv4Address(ip.ip): ip.network_prefix for ip in adapter.ips if isinstance(ip.ip, str)}
        if adapter.index is not None and prefixes:
            ordered = sorted(prefixes, key=lambda address: (address.is_loopback, address.is_link_local))
            networks = dict.fromkeys(IPv4Network((address, prefixes[address]), strict=False) for address in ordered)
            interfaces.append(Interface(adapter.index, adapter.nice_name, tuple(ordered), tuple(networks)))
    return interfaces

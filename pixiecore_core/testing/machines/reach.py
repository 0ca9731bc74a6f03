"""Where simulated machines may send to: what they were told, and nowhere else, whatever an offer or a script names.

Opens nothing, and looks no name up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the server listens."""

    dhcp: int = 67
    pxe: int = 4011
    tftp: int = 69


@dataclass(frozen=True, slots=True)
class Reach:
    """The way to the server.

    :param address: of ours, that the machines fetch from
    :param networks: where they may fetch from
    :param names: the hosts whose names may be looked up and that may be fetched from
    :param interface: the one to ask everybody on; empty to ask only *server*
    :param server: the one server to ask, as a DHCP relay would
    """

    address: IPv4Address
    networks: tuple[IPv4Network, ...]
    names: frozenset[str] = frozenset()
    interface: str = ""
    server: IPv4Address | None = None
    ports: Ports = Ports()

    def problem_with(self, host: str) -> str:
        """Why a host must not be sent to; empty if it may be."""
        if host in self.names:
            return ""
        try:
            address = IPv4Address(host)
        except AddressValueError:
            return f"{host} is a name, and was not told: --also {host}"
        if any(address in network for network in self.networks):
            return ""
        return f"{host} is outside of what was told: --also {host}"


def told(also: Iterable[str]) -> tuple[tuple[IPv4Network, ...], frozenset[str]]:
    """What ``--also`` names: networks, and hosts by their names.

    :raises ValueError: neither
    """
    networks, names = [], set()
    for text in also:
        try:
            networks.append(IPv4Network(text, strict=False))
        except ValueError:
            if "/" in text or not text or text.replace(".", "").isdigit():
                raise ValueError(f"{text!r} is no network such as 192.0.2.0/24, no address and no name") from None
            names.add(text)
    return tuple(networks), frozenset(names)

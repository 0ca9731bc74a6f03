"""Who asks for a script, from what iPXE filled into the URL and from what DHCP said of it before. Knows no HTTP."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Protocol
from urllib.parse import unquote
from uuid import UUID

from pixiecore_core.firmware.rows import Architecture
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models import Machine, normalise_mac

_GO_CODES = {"0": 0, "1": 7}
"""What the Go Pixiecore's iPXE said of itself, IA32 and X64, as codes of the registry."""


Neighbours = Callable[[IPv4Address], Collection[str]]
"""The hardware addresses of a client on a link of ours; none where it is not known (``--check-neighbour``)."""


class Whereabouts(Protocol):
    """Where a DHCP request came from."""

    @property
    def interface(self) -> str:
        """Our interface."""

    @property
    def subnet(self) -> IPv4Network | None:
        """Our network there, of a machine that is on it."""

    @property
    def relay(self) -> IPv4Address | None:
        """The relay in between, of those that are believed."""


def machine_from(known: Mapping[str, str], address: str, firmware: FirmwareTable) -> Machine:
    """The machine that asks.

    :param known: the URL's parameters
    :param address: where the request came from
    :raises ValueError: it cannot be told, in the Go Pixiecore's words
    """
    if not known.get("mac"):
        raise ValueError("missing MAC address parameter")
    if not known.get("arch"):
        raise ValueError("missing architecture parameter")
    try:
        mac = normalise_mac(known["mac"])
    except ValueError:
        raise ValueError("invalid MAC address") from None
    return Machine(
        mac=mac,
        architecture=_architecture(known["arch"], known.get("platform", ""), firmware),
        uuid=_or_none(UUID, known.get("uuid", "")),
        serial=known.get("serial", ""),
        manufacturer=known.get("manufacturer", ""),
        product=known.get("product", ""),
        hostname=known.get("hostname", ""),
        ipxe_version=known.get("version", ""),
        net0_mac=_or_none(normalise_mac, known.get("net0", "")),
        address=_or_none(IPv4Address, address),
    )


def asked_from(machine: Machine, said: Whereabouts) -> Machine:
    """*machine*, as its script request describes it, with where its DHCP request came from.

    Anybody can send a DISCOVER in any machine's name, but must have an address to fetch a script. So the address
    decides: a network that does not hold it is not the machine's.
    """
    elsewhere = said.subnet is not None and machine.address is not None and machine.address not in said.subnet
    subnet = None if elsewhere else said.subnet
    return machine.model_copy(update={"interface": said.interface, "subnet": subnet, "relay": said.relay})


def hardware_of_another(machine: Machine, neighbours: Neighbours | None) -> str:
    """The hardware address of a client that asks in a machine's name and is another; empty where it is that machine, or
    nobody knows.

    :param machine: with the address that asks
    :raises OSError: it cannot be told
    """
    if neighbours is None or machine.address is None:
        return ""
    seen = neighbours(machine.address)
    return "" if not seen or machine.mac in seen else ", ".join(sorted(seen))


def parameters(query: str) -> dict[str, str]:
    """The parameters as iPXE writes them: it leaves a plus sign as it is, which in a web form would be a space."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return {unquote(name): unquote(value) for name, _, value in pairs}


def _architecture(arch: str, platform: str, firmware: FirmwareTable) -> Architecture | None:
    if not arch.isdecimal():
        return firmware.of_build(arch, platform)
    if arch not in _GO_CODES:
        raise ValueError("unknown architecture")
    return firmware.architecture(_GO_CODES[arch])


def _or_none(kind: Callable[[str], Any], text: str) -> Any:
    """What some machines leave empty or fill with rubbish is simply not known."""
    try:
        return kind(text)
    except ValueError:
        return None

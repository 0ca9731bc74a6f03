"""Who asks for a script, from what iPXE filled into the URL. Takes text, returns a machine; knows no HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from pixiecore_core.firmware.rows import Architecture
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models import Machine, normalise_mac

_GO_CODES = {"0": 0, "1": 7}
"""What the Go Pixiecore's iPXE said of itself, IA32 and X64, as codes of the registry."""


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
        net0_mac=_or_none(normalise_mac, known.get("net0", "")),
        address=_or_none(IPv4Address, address),
    )


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

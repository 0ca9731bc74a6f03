"""What is known about a machine, as the API is told: request headers, a query string, or the JSON body of version 2.

Pure. Serial numbers and the like come from strangers over HTTP: whatever they hold, nothing here raises, and no header
is split or grows beyond its bound.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from pydantic import BaseModel, Field

from pixiecore_core import FirmwareFamily, Machine

HEADER_PREFIX = "X-Pixiecore-"
LONGEST_TEXT = 128
"""Characters of a serial number, a manufacturer or a product that are passed on."""

_UNQUOTED = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""All printable ASCII that quote() would encode, except the percent sign: what we encode can be decoded again."""


class Question(BaseModel):
    """What the API is asked in version 2: which machine wants to boot. What is not known is left out."""

    mac: str = Field(description="address of the network card that boots, in lower case with colons")
    uuid: str | None = Field(default=None, description="SMBIOS system UUID")
    serial: str | None = Field(
        default=None, description="SMBIOS serial number; known when the machine asks for its script"
    )
    arch: str | None = Field(default=None, description="instruction set, such as x86_64, i386 or arm64")
    firmware: str | None = Field(default=None, description="firmware family, such as BIOS or UEFI")
    manufacturer: str | None = Field(default=None, description="SMBIOS manufacturer; known when it asks for its script")
    product: str | None = Field(default=None, description="SMBIOS product name; known when it asks for its script")
    asset: str | None = Field(default=None, description="SMBIOS asset tag; known when it asks for its script")
    board_serial: str | None = Field(
        default=None, description="SMBIOS serial number of the main board; known when it asks for its script"
    )
    chip: str | None = Field(default=None, description="what iPXE drives its network card as; known at the script")
    bus_id: str | None = Field(default=None, description="PCI vendor and device of its network card, such as 1af4:1000")
    ipxe_version: str | None = Field(default=None, description="the iPXE that asks for the script")
    hostname: str | None = Field(default=None, description="what it calls itself, such as the name that DHCP gave it")
    interface: str | None = Field(default=None, description="Pixiecore's network interface that the request came in on")
    relay: str | None = Field(
        default=None, description="address of the DHCP relay in between, if --trust-relay names it"
    )
    subnet: str | None = Field(
        default=None, description="Pixiecore's network on that interface; unknown behind a relay"
    )


_WORDS = {"uuid": "UUID", "id": "ID", "ipxe": "iPXE"}
FIELDS: tuple[str, ...] = tuple(name for name in Question.model_fields if name != "mac")
"""What is known beyond the MAC address: the names in the query; headers are those of :func:`header_name`."""


def question(machine: Machine) -> Question:
    """What is known about *machine*, for the body of version 2."""
    kind = machine.architecture
    return Question(
        mac=machine.mac,
        uuid=str(machine.uuid) if machine.uuid else None,
        serial=_text(machine.serial),
        arch=kind.cpu if kind and kind.cpu != "unknown" else None,
        firmware=kind.family.value if kind and kind.family is not FirmwareFamily.OTHER else None,
        manufacturer=_text(machine.manufacturer),
        product=_text(machine.product),
        **{name: _text(getattr(machine, name)) for name in ("asset", "board_serial", "chip", "bus_id", "ipxe_version")},
        hostname=_text(machine.hostname),
        interface=_text(machine.interface),
        relay=str(machine.relay) if machine.relay else None,
        subnet=str(machine.subnet) if machine.subnet else None,
    )


def header_name(field: str) -> str:
    """``X-Pixiecore-Serial`` for ``serial``, ``X-Pixiecore-Board-Serial`` for ``board_serial``."""
    return HEADER_PREFIX + "-".join(_WORDS.get(word, word.capitalize()) for word in field.split("_"))


def headers(machine: Machine) -> dict[str, str]:
    """What is known about *machine* as request headers: printable ASCII, all else and the percent sign as ``%XX``."""
    return {header_name(name): quote(value, safe=_UNQUOTED) for name, value in _known(machine).items()}


def query(machine: Machine) -> str:
    """What is known about *machine* as a query string."""
    return urlencode(_known(machine), quote_via=quote)


def _known(machine: Machine) -> dict[str, str]:
    known: dict[str, str] = question(machine).model_dump(exclude_none=True)
    del known["mac"]
    return known


def _text(text: str) -> str | None:
    # A lone surrogate can be written neither to a header nor to JSON. White space at the ends is not part of a header.
    return text.encode("utf-8", "replace").decode()[:LONGEST_TEXT].strip() or None

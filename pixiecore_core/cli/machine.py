"""The machine that a dry run is about: its options, and what it is however its processor and firmware are spelled.

Asks nobody what it boots.
"""

from __future__ import annotations

from typing import Any

import click
from pydantic import ValidationError

from pixiecore_core.cli.completing import processors
from pixiecore_core.errors import ConfigError
from pixiecore_core.firmware.processors import processor
from pixiecore_core.firmware.rows import Architecture, FirmwareFamily
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models import Machine

MACHINE_OPTIONS = [
    click.Option(["--mac"], required=True, metavar="MAC", help="The machine's MAC address."),
    click.Option(["--uuid"], metavar="UUID", help="Its SMBIOS UUID."),
    click.Option(["--serial"], default="", metavar="TEXT", help="Its serial number."),
    click.Option(["--manufacturer"], default="", metavar="TEXT", help="Who made it."),
    click.Option(["--product"], default="", metavar="TEXT", help="Its product name."),
    click.Option(["--asset"], default="", metavar="TEXT", help="Its asset tag."),
    click.Option(["--board-serial"], default="", metavar="TEXT", help="Serial number of its main board."),
    click.Option(["--chip"], default="", metavar="TEXT", help="What iPXE drives its network card as."),
    click.Option(
        ["--bus-id"], default="", metavar="ID", help="PCI vendor and device of its network card, such as 1af4:1000."
    ),
    click.Option(["--ipxe-version"], default="", metavar="TEXT", help="The version of its iPXE."),
    click.Option(["--hostname"], default="", metavar="TEXT", help="What it calls itself."),
    click.Option(
        ["--arch"],
        default="x86_64",
        metavar="NAME",
        shell_complete=processors,
        help="Its processor: x86_64 (or amd64), i386 (or x86), arm64 (or aarch64) …, or the number that it sends in "
        "DHCP option 93. [default: x86_64]",
    ),
    click.Option(
        ["--platform"],
        default="efi",
        metavar="NAME",
        shell_complete=lambda ctx, param, incomplete: [name for name in _PLATFORMS if name.startswith(incomplete)],
        help="Its firmware: efi, bios, u-boot or pi. [default: efi]",
    ),
    click.Option(["--ipxe"], is_flag=True, help="Its network card has an iPXE that can fetch over HTTP."),
    click.Option(["--interface"], default="", metavar="NAME", help="Our network interface that it is on."),
    click.Option(["--subnet"], metavar="NETWORK", help="Our network that it is on."),
    click.Option(["--relay"], metavar="ADDRESS", help="The DHCP relay in between, of those that are trusted."),
    click.Option(
        ["--address"],
        metavar="ADDRESS",
        help="Its address. [default: one in the network of --relay or --subnet, else 192.0.2.100]",
    ),
]

_TEXTS = ("serial", "manufacturer", "product", "asset", "board_serial", "chip", "bus_id", "ipxe_version", "hostname")
_KNOWN = ("mac", "uuid", *_TEXTS, "interface", "subnet", "relay", "address")
_PLATFORMS: dict[str, FirmwareFamily] = {
    "efi": FirmwareFamily.UEFI,
    "uefi": FirmwareFamily.UEFI,
    "bios": FirmwareFamily.BIOS,
    "pcbios": FirmwareFamily.BIOS,
    "u-boot": FirmwareFamily.U_BOOT,
    "uboot": FirmwareFamily.U_BOOT,
    "pi": FirmwareFamily.RPIBOOT,
}


def machine_of(values: dict[str, Any], firmware: FirmwareTable) -> Machine:
    """The machine of the options.

    :raises ConfigError: one of them is unusable
    """
    architecture = architecture_of(values["arch"].lower(), values["platform"].lower(), firmware)
    found = values | {"address": values["address"] or _address_near(values)}
    try:
        return Machine(architecture=architecture, **{name: found[name] for name in _KNOWN if found[name]})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"--{first['loc'][0]}", first["msg"].removeprefix("Value error, ")) from error


def _address_near(values: dict[str, Any]) -> str:
    """An address that a machine may have that asked as these options say."""
    network: str = values["subnet"] or "192.0.2.100"
    return values["relay"] or network.partition("/")[0]


def architecture_of(arch: str, platform: str, firmware: FirmwareTable) -> Architecture:
    """What a machine with this processor and firmware is, however they are spelled.

    :raises ConfigError: there is no such machine
    """
    if arch.isdecimal():
        if len(arch) > 5 or int(arch) > 0xFFFF:
            raise ConfigError("--arch", "an architecture code is a number from 0 to 65535")
        return firmware.architecture(int(arch))
    if platform not in _PLATFORMS:
        raise ConfigError("--platform", f"there is no {platform!r}; there are efi, bios, u-boot and pi")
    try:
        name = processor(arch)
    except ValueError:
        name = arch  # one that only the table knows
    rows = [row for row in firmware.rows if row.family is _PLATFORMS[platform]]
    found = next((row for row in rows if name in (row.cpu, *row.runs)), None)
    if found is None:
        known = dict.fromkeys(name for row in rows for name in sorted({row.cpu, *row.runs}))
        raise ConfigError("--arch", f"there is no {arch!r} with platform {platform!r}; there are {', '.join(known)}")
    return found.architectures()[0]

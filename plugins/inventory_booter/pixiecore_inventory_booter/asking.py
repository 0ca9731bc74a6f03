"""What a command line says about a machine, as ``pixiecore select`` takes it: options, and the machine they make.

Knows nothing about inventories.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from pixiecore_core import Architecture, ConfigError, FirmwareFamily, Machine, no_such, processor

Function = TypeVar("Function", bound=Callable[..., Any])

_TEXTS = ("serial", "manufacturer", "product", "asset", "board_serial", "chip", "bus_id", "hostname")
_KNOWN = ("mac", "uuid", *_TEXTS, "interface", "subnet", "relay", "address")
_BIOS, _UEFI = ("bios", "pcbios"), ("efi", "uefi")
_BIOS_RUNS = ("x86_64", "i386")
"""BIOS firmware does not say which of them it is on."""
_OPTIONS = (
    click.option("--mac", required=True, metavar="MAC", help="The machine's MAC address."),
    click.option("--uuid", metavar="UUID", help="Its SMBIOS UUID."),
    click.option("--serial", metavar="TEXT", help="Its serial number."),
    click.option("--manufacturer", metavar="TEXT", help="Who made it."),
    click.option("--product", metavar="TEXT", help="Its product name."),
    click.option("--asset", metavar="TEXT", help="Its asset tag."),
    click.option("--board-serial", metavar="TEXT", help="Serial number of its main board."),
    click.option("--chip", metavar="TEXT", help="What iPXE drives its network card as."),
    click.option("--bus-id", metavar="ID", help="PCI vendor and device of its network card, such as 1af4:1000."),
    click.option("--hostname", metavar="TEXT", help="What it calls itself."),
    click.option(
        "--arch",
        default="x86_64",
        metavar="NAME",
        help="Its processor: x86_64 (or amd64), i386 (or x86), arm64 (or aarch64) … [default: x86_64]",
    ),
    click.option("--platform", default="efi", metavar="NAME", help="Its firmware: efi or bios. [default: efi]"),
    click.option("--interface", metavar="NAME", help="Our network interface that it is on."),
    click.option("--subnet", metavar="NETWORK", help="Our network that it is on."),
    click.option("--relay", metavar="ADDRESS", help="The DHCP relay in between, of those that are trusted."),
    click.option(
        "--address",
        metavar="ADDRESS",
        help="Its address. [default: one in the network of --relay or --subnet, else 192.0.2.100]",
    ),
)


def machine_options(function: Function) -> Function:
    """Decorator for a click command's function: adds an option for each thing that is known about a machine."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def machine(values: Mapping[str, Any]) -> Machine:
    """The machine of these options; it has an address, so nothing more will be known about it.

    :raises ConfigError: one of them is unusable
    """
    architecture = _architecture(values["arch"], values["platform"].lower())
    found = {**values, "address": values["address"] or _address_near(values)}
    try:
        return Machine(architecture=architecture, **{name: found[name] for name in _KNOWN if found[name]})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"--{first['loc'][0]}", first["msg"].removeprefix("Value error, ")) from error


def _address_near(values: Mapping[str, Any]) -> str:
    """An address that a machine may have that asked as these options say."""
    network: str = values["subnet"] or "192.0.2.100"
    return values["relay"] or network.partition("/")[0]


def _architecture(arch: str, platform: str) -> Architecture:
    try:
        cpu = processor(arch)
    except ValueError as error:
        raise ConfigError("--arch", str(error)) from error
    if platform not in (*_BIOS, *_UEFI):
        raise ConfigError("--platform", no_such("firmware", platform, (*_BIOS, *_UEFI), ("efi", "bios")))
    if platform in _UEFI:
        # No rule asks for the number, only for what it means.
        return Architecture(code=0xFFFF, cpu=cpu, family=FirmwareFamily.UEFI)
    if cpu not in _BIOS_RUNS:
        raise ConfigError("--arch", f"a BIOS machine is i386 or x86_64, not {cpu}")
    return Architecture(code=0, cpu="i386", family=FirmwareFamily.BIOS, runs=_BIOS_RUNS)

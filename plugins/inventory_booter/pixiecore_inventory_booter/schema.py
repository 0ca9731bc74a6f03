"""What an inventory's files may hold: profiles, machines, groups, variables, a default.

Each value is checked by itself; whether they fit together is for :mod:`pixiecore_inventory_booter.loading`. Reads no
file.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pixiecore_core import MacAddress, processor

IGNORE = "ignore"
"""The profile that means "do not boot it from the network"."""

FACTS = (
    "mac",
    "uuid",
    "serial",
    "manufacturer",
    "product",
    "asset",
    "board_serial",
    "chip",
    "bus_id",
    "arch",
    "firmware",
    "hostname",
    "subnet",
    "interface",
    "address",
)
"""Variables that every machine has; the last ones may be empty."""
OTHER_NAMES = ("labels", "url", "report", "syslog")
"""What templates know beside variables."""

_HOSTNAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.IGNORECASE | re.ASCII)
_PREFIX = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){0,5}", re.IGNORECASE)
_VARIABLE = re.compile(r"[a-z_][a-z0-9_]*")
_FILE_NAME = re.compile(r"(?!/)[^\x00-\x1f\x7f\"`\\]+(?<!/)")


def _as_list(value: object) -> object:
    """One value may stand for a list of one."""
    return value if isinstance(value, (list, tuple)) else [value]


def _hostname(value: str) -> str:
    if not is_hostname(value):
        raise ValueError(f"{value!r} is not a host name (RFC 1123)")
    return value


def is_hostname(text: str) -> bool:
    """Whether it can be one (RFC 1123 section 2.1)."""
    return len(text) <= 253 and _HOSTNAME.fullmatch(text) is not None


def _mac_prefix(value: str) -> str:
    if not _PREFIX.fullmatch(value):
        raise ValueError(f"{value!r} is neither a MAC address nor its first pairs, such as 52:54:00")
    return value.lower().replace("-", ":")


def _one_line(value: object) -> object:
    """A command line may be a list of words."""
    if not isinstance(value, list):
        return value
    for part in value:
        if not isinstance(part, (str, int)) or isinstance(part, bool):
            raise ValueError(f"{part!r} is not a word; where it has a colon and a space, put quotes around it")
    return " ".join(str(part) for part in value)


def _variable_name(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise ValueError(f"{value!r} is not a variable name: use lower-case letters, digits and _")
    if value in (*FACTS, *OTHER_NAMES):
        raise ValueError(f"{value!r} is something every machine already has; choose another name")
    return value


def _file_name(value: str) -> str:
    if not _FILE_NAME.fullmatch(value) or any(part in ("", ".", "..") for part in value.split("/")):
        raise ValueError(f"{value!r} is not a file name such as user-data or seed/user-data")
    return value


def _firmware(value: object) -> object:
    return {"efi": "uefi", "legacy": "bios"}.get(value.lower(), value.lower()) if isinstance(value, str) else value


def _network(value: object) -> object:
    """A network in CIDR notation.

    :raises ValueError: it is not one, or has bits set after its prefix
    """
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a network such as 192.0.2.0/24")
    try:
        network = IPv4Network(value, strict=False)
    except ValueError:
        raise ValueError(f"{value!r} is not a network such as 192.0.2.0/24") from None
    if str(network).partition("/")[0] != value.partition("/")[0]:
        raise ValueError(f"{value!r} is an address in a network; did you mean {network}?")
    return network


Texts = Annotated[list[str], BeforeValidator(_as_list)]
Variables = dict[Annotated[str, AfterValidator(_variable_name)], Any]


class _Part(BaseModel):
    """What every part has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_ones(cls, values: object) -> object:
        """A key with nothing after it, as when everything below it is commented out, counts as missing."""
        if not isinstance(values, dict):
            return values
        return {key: value for key, value in values.items() if value is not None}


Processor = Annotated[str, AfterValidator(processor)]
Firmware = Annotated[Literal["bios", "uefi"], BeforeValidator(_firmware)]


class FileEntry(_Part):
    """A file that a machine may fetch."""

    path: str = Field(
        default="", description="where it is: below the inventory's folder, an absolute path, or an http(s) URL"
    )
    text: str | None = Field(default=None, description="the file itself, instead of a path")
    template: bool = Field(
        default=True, description="whether it is a Jinja template, rendered for each machine; a URL never is"
    )

    @model_validator(mode="after")
    def _one_source(self) -> FileEntry:
        if bool(self.path) == (self.text is not None):
            raise ValueError("give either a path or a text")
        return self


def _file_entry(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


class Profile(_Part):
    """What to boot."""

    kernel: str = Field(
        description="kernel: a path, or an http(s) URL, perhaps with #sha256=… behind it; not needed with efi"
    )
    efi: str = Field(default="", description="EFI program that UEFI machines start in the kernel's place, the same way")
    initrd: Texts = Field(default=[], description="initial RAM disks, the same way")
    dtb: str = Field(default="", description="device tree for machines with U-Boot, the same way")
    cmdline: Annotated[str, BeforeValidator(_one_line)] = Field(
        default="",
        description='kernel command line, a text or a list of words; {{ name }} becomes a variable, {{ ID "file" }} '
        'the URL of one of the files, {{ ID "/" }} that of the folder of them all',
    )
    message: str = Field(default="", description="shown on the machine's screen before it boots")
    files: dict[Annotated[str, AfterValidator(_file_name)], Annotated[FileEntry, BeforeValidator(_file_entry)]] = Field(
        default={}, description="files that the machine may fetch, by name: each a path, or a table"
    )
    vars: Variables = Field(
        default={}, description="variables; a group's win over these, and a machine's win over both"
    )

    @model_validator(mode="before")
    @classmethod
    def _needs_no_kernel(cls, data: Any) -> Any:
        return {"kernel": "", **data} if isinstance(data, dict) and data.get("efi") else data

    @model_validator(mode="after")
    def _bootable(self) -> Profile:
        if self.efi and (self.kernel or self.initrd):
            raise ValueError("efi takes the place of kernel and initrd: give one or the other")
        if self.dtb and not self.kernel:
            raise ValueError("dtb is for a kernel, and there is none")
        return self

    @property
    def started(self) -> tuple[str, str]:
        """What is started: ``kernel`` or ``efi``, and where it is."""
        return ("efi", self.efi) if self.efi else ("kernel", self.kernel)


class Machine(_Part):
    """One machine that is known by name. One that goes to its own disk needs no profile."""

    name: Annotated[str, AfterValidator(_hostname)] = Field(description="its host name")
    mac: Annotated[list[MacAddress], BeforeValidator(_as_list)] = Field(
        default=[], description="MAC addresses of its network cards"
    )
    uuid: UUID | None = Field(default=None, description="SMBIOS system UUID")
    serial: str = Field(default="", description="SMBIOS serial number")
    labels: dict[str, str] = Field(default={}, description="what groups can tell it by, such as rack: a7")
    profile: str = Field(default="", description="what it boots; decided by the groups if not given")
    local: bool = Field(default=False, description="in a profile's place: true for a machine that starts its own disk")
    vars: Variables = Field(default={}, description="variables of its own")

    @model_validator(mode="after")
    def _identified(self) -> Machine:
        if not (self.mac or self.uuid or self.serial):
            raise ValueError("needs a mac, a uuid or a serial to be recognised by")
        _refuse_both(self.profile, self.local)
        return self


def _refuse_both(profile: str, local: bool) -> None:
    """:raises ValueError: an entry says two things of what its machines boot"""
    if profile and local:
        raise ValueError("local: true takes the place of a profile: give one or the other")


class Match(_Part):
    """Which machines a group is for: those that meet every condition; of a list, one must be met."""

    mac: Annotated[list[Annotated[str, AfterValidator(_mac_prefix)]], BeforeValidator(_as_list)] = Field(
        default=[], description="MAC addresses, or their first pairs"
    )
    uuid: Annotated[list[UUID], BeforeValidator(_as_list)] = Field(default=[], description="SMBIOS system UUIDs")
    serial: Texts = Field(default=[], description="serial numbers, as patterns: * and ? stand for anything")
    arch: Annotated[list[Processor], BeforeValidator(_as_list)] = Field(
        default=[],
        description="processors; a BIOS machine is both i386 and x86_64, because its firmware does not say which",
    )
    firmware: Annotated[list[Firmware], BeforeValidator(_as_list)] = Field(default=[], description="bios or uefi")
    subnet: Annotated[list[Annotated[IPv4Network, BeforeValidator(_network)]], BeforeValidator(_as_list)] = Field(
        default=[],
        description="networks, such as 192.0.2.0/24, that hold its address; while it has none, the relay in between "
        "(one that --trust-relay names) or our network on the interface that it asked on",
    )
    interface: Texts = Field(default=[], description="our network interfaces, as patterns")
    hostname: Texts = Field(
        default=[], description="host names, as patterns: the name in the inventory, else what the machine calls itself"
    )
    manufacturer: Texts = Field(default=[], description="who made it, as patterns")
    product: Texts = Field(default=[], description="product names, as patterns")
    asset: Texts = Field(default=[], description="SMBIOS asset tags, as patterns")
    board_serial: Texts = Field(default=[], description="serial numbers of the main board, as patterns")
    chip: Texts = Field(default=[], description="what iPXE drives the network card as, as patterns: virtio-net, SNP")
    bus_id: Texts = Field(
        default=[], description="PCI vendor and device of the network card, as patterns, such as 1af4:1000 or 8086:*"
    )
    label: dict[str, Texts] = Field(default={}, description="labels of the machine in the inventory, as patterns")

    @model_validator(mode="after")
    def _says_something(self) -> Match:
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError("needs a condition; for all other machines there is default")
        return self


class Group(_Part):
    """Machines that boot the same."""

    name: str = Field(default="", description="for people")
    match: Match = Field(description="which machines")
    profile: str = Field(description="what they boot: the name of a profile, or ignore; not needed with local")
    local: bool = Field(default=False, description="in a profile's place: true for machines that start their own disks")
    vars: Variables = Field(default={}, description="variables")

    @model_validator(mode="before")
    @classmethod
    def _needs_no_profile(cls, data: Any) -> Any:
        return {"profile": "", **data} if isinstance(data, dict) and data.get("local") else data

    @model_validator(mode="after")
    def _one_thing(self) -> Group:
        _refuse_both(self.profile, self.local)
        return self


class Inventory(_Part):
    """What one file may hold, beside keys that begin with ``x-``. All files together are one inventory."""

    profiles: dict[str, Profile] = Field(default={}, description="what can be booted, by name")
    machines: list[Machine] = Field(default=[], description="machines that are known by name")
    groups: list[Group] = Field(default=[], description="which machines boot what; the first one that matches wins")
    default: str | None = Field(
        default=None, description="profile of machines that no group matches, or ignore; ignore if not given"
    )
    vars: Variables = Field(default={}, description="variables for all")

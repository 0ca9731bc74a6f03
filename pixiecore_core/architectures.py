"""The IANA registry of processor architecture types (DHCP option 93, DHCPv6 option 61) as data.

Says for each code which CPU it is, which firmware family speaks and over which transport it wants to be fed.
A code that is not in the registry stays a value: it must never raise, since new ones appear every year.
Knows nothing of packets or policy.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from pixiecore_core.closest import no_such


class FirmwareFamily(StrEnum):
    """Who drives the network boot before any boot file runs."""

    BIOS = "BIOS"
    UEFI = "UEFI"
    U_BOOT = "U-Boot"
    RPIBOOT = "Raspberry Pi"
    OTHER = "other"


class Transport(StrEnum):
    """How the firmware wants its boot file: the two forms of each UEFI code in the registry."""

    PXE = "PXE"
    HTTP = "HTTP"


class Architecture(BaseModel):
    """One row of the registry.

    Source: IANA "Processor Architecture Types", created by RFC 5970 section 3.3, which supersedes the list in RFC 4578
    section 2.1 (whose printed text has 7 and 9 swapped; its erratum makes both mean x64).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: int = Field(ge=0, le=0xFFFF, description="the number that the client sends")
    cpu: str = Field(description="instruction set as iPXE's ${buildarch} names it, or 'unknown'")
    family: FirmwareFamily
    transport: Transport = Transport.PXE

    def __str__(self) -> str:
        if self.cpu == "unknown":
            return f"unknown architecture {self.code}"
        http = " HTTP Boot" if self.transport is Transport.HTTP else ""
        return f"{self.family} {self.cpu}{http}"


def _uefi(cpu: str, pxe: int, http: int) -> list[Architecture]:
    return [
        Architecture(code=pxe, cpu=cpu, family=FirmwareFamily.UEFI),
        Architecture(code=http, cpu=cpu, family=FirmwareFamily.UEFI, transport=Transport.HTTP),
    ]


_ROWS = [
    Architecture(code=0, cpu="i386", family=FirmwareFamily.BIOS),
    Architecture(code=1, cpu="nec-pc98", family=FirmwareFamily.OTHER),
    Architecture(code=2, cpu="ia64", family=FirmwareFamily.UEFI),
    Architecture(code=3, cpu="alpha", family=FirmwareFamily.OTHER),
    Architecture(code=4, cpu="arc-x86", family=FirmwareFamily.OTHER),
    Architecture(code=5, cpu="intel-lean-client", family=FirmwareFamily.OTHER),
    *_uefi("i386", 6, 15),
    *_uefi("x86_64", 7, 16),
    Architecture(code=8, cpu="xscale", family=FirmwareFamily.UEFI),
    # VMware and others announce EBC for plain x64 (danderson/netboot PR 30).
    *_uefi("x86_64", 9, 17),
    *_uefi("arm32", 10, 18),
    *_uefi("arm64", 11, 19),
    Architecture(code=12, cpu="powerpc", family=FirmwareFamily.OTHER),
    Architecture(code=13, cpu="powerpc-epapr", family=FirmwareFamily.OTHER),
    Architecture(code=14, cpu="power-opal", family=FirmwareFamily.OTHER),
    Architecture(code=20, cpu="i386", family=FirmwareFamily.BIOS, transport=Transport.HTTP),
    Architecture(code=21, cpu="arm32", family=FirmwareFamily.U_BOOT),
    Architecture(code=22, cpu="arm64", family=FirmwareFamily.U_BOOT),
    Architecture(code=23, cpu="arm32", family=FirmwareFamily.U_BOOT, transport=Transport.HTTP),
    Architecture(code=24, cpu="arm64", family=FirmwareFamily.U_BOOT, transport=Transport.HTTP),
    *_uefi("riscv32", 25, 26),
    *_uefi("riscv64", 27, 28),
    *_uefi("riscv128", 29, 30),
    Architecture(code=31, cpu="s390", family=FirmwareFamily.OTHER),
    Architecture(code=32, cpu="s390x", family=FirmwareFamily.OTHER),
    Architecture(code=33, cpu="mips32", family=FirmwareFamily.UEFI),
    Architecture(code=34, cpu="mips64", family=FirmwareFamily.UEFI),
    Architecture(code=35, cpu="sunway32", family=FirmwareFamily.UEFI),
    Architecture(code=36, cpu="sunway64", family=FirmwareFamily.UEFI),
    *_uefi("loong32", 37, 38),
    *_uefi("loong64", 39, 40),
    Architecture(code=41, cpu="arm64", family=FirmwareFamily.RPIBOOT),
]

REGISTRY: dict[int, Architecture] = {row.code: row for row in _ROWS}


_SPELLINGS = {
    "x86_64": ("amd64", "x64", "x86-64"),
    "i386": ("x86", "i586", "i686", "ia32"),
    "arm64": ("aarch64",),
    "arm32": ("arm", "armhf"),
    "riscv64": (),
    "loong64": ("loongarch64",),
}
"""What people and distributions call the processors that iPXE calls otherwise."""
_PROCESSORS = {spelling: name for name, others in _SPELLINGS.items() for spelling in (name, *others)}


def processor(text: str) -> str:
    """The name that this table has for a processor, however it is spelled: ``x86_64`` for ``amd64``.

    :raises ValueError: there is no such processor; the message names the closest one, or all
    """
    name = _PROCESSORS.get(text.strip().lower())
    if name is None:
        raise ValueError(no_such("architecture", text.strip().lower(), _PROCESSORS, _SPELLINGS))
    return name


def architecture(code: int) -> Architecture:
    """The registry's row for *code*, or one that says "unknown" and keeps the number."""
    known = REGISTRY.get(code)
    return known or Architecture(code=code, cpu="unknown", family=FirmwareFamily.OTHER)


def from_ipxe_build(buildarch: str, platform: str) -> Architecture | None:
    """The architecture that an iPXE build says of itself in a script URL.

    :param buildarch: iPXE's ``${buildarch}``: ``i386``, ``x86_64``, ``arm64``, …
    :param platform: iPXE's ``${platform}``: ``pcbios`` or ``efi``
    :returns: ``None`` where the pair means nothing to us
    """
    if platform == "pcbios":
        return REGISTRY[0]
    return (
        next((row for row in _ROWS if row.family is FirmwareFamily.UEFI and row.cpu == buildarch), None)
        if platform == "efi"
        else None
    )

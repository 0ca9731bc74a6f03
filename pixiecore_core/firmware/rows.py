"""The shape of a row in the table of firmware, and of what it describes: an architecture, a first-stage loader.

Values only: the rows themselves are in :mod:`pixiecore_core.firmware.known`, what can be asked of them is in
:mod:`pixiecore_core.firmware.table`. Knows nothing about packets or policy.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"


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


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Architecture(_Row):
    """What a client says it is: one code of IANA's "Processor Architecture Types", with what is known about it."""

    # The registry was created by RFC 5970 section 3.3 and supersedes the list in RFC 4578 section 2.1, whose printed
    # text has 7 and 9 swapped; its erratum makes both mean x64.
    code: int = Field(ge=0, le=0xFFFF, description="the number that the client sends")
    cpu: str = Field(description="instruction set as iPXE's ${buildarch} names it, or 'unknown'")
    family: FirmwareFamily
    transport: Transport = Transport.PXE
    runs: tuple[str, ...] = Field(
        default=(), description="processors whose systems it can start, the likeliest first; only its own if empty"
    )

    def __str__(self) -> str:
        if self.cpu == "unknown":
            return f"unknown architecture {self.code}"
        http = " HTTP Boot" if self.transport is Transport.HTTP else ""
        return f"{self.family} {self.cpu}{http}"

    @property
    def processors(self) -> tuple[str, ...]:
        """The processors whose systems it can start, the likeliest first."""
        return self.runs or (self.cpu,)


class Loader(_Row):
    """A first-stage boot file: the iPXE that firmware without an HTTP-capable one of its own is handed."""

    name: str = Field(pattern=_NAME, description="such as efi-x64; also the folder in boot-file paths")
    serves: str = Field(description="the machines it is for, in words")
    boot_file: str = Field(
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="the name that clients are told; UEFI goes by its ending",  # EDK2 HttpBootSupport.c
    )
    setting: str = Field(
        pattern=r"^ipxe_[a-z0-9_]+$",
        description="the server's setting that names another file; ipxe_ keeps it apart from all others",
    )
    files: tuple[str, ...] = Field(min_length=1, description="names in the distributions' folders, the best first")
    packages: dict[str, str] = Field(
        default={}, description="the command that installs it, by the ID or ID_LIKE of os-release(5)"
    )
    pe_machine: int | None = Field(
        default=None,
        description="machine type in its PE header (PE/COFF section 3.3.1); every loader for UEFI has one",
    )
    usual: bool = Field(default=True, description="whether a server that has none says so when it starts")
    seen: bool = Field(default=True, description="whether whoever wrote the row has seen files of these names")


class Stub(_Row):
    """systemd's EFI stub for one processor: what a kernel, initrds and a command line are joined to."""

    name: str = Field(pattern=_NAME, description="such as x64")
    setting: str = Field(pattern=r"^uefi_stub_[a-z0-9]+$", description="the server's setting that names another file")
    files: tuple[str, ...] = Field(min_length=1, description="names in the distributions' folders, the best first")
    packages: dict[str, str] = Field(default={}, description="the command that installs it, as of a loader")
    pe_machine: int = Field(description="machine type in its PE header")
    kernels: tuple[int, ...] = Field(min_length=1, description="machine types of the kernels that it can start")


class Firmware(_Row):
    """One kind of firmware: the codes that it sends, what it can start, and the first-stage file it takes."""

    cpu: str = Field(min_length=1, description="instruction set as iPXE's ${buildarch} names it")
    family: FirmwareFamily
    codes: tuple[int, ...] = Field(
        default=(), description="architecture codes of those that fetch by TFTP, the usual first"
    )
    http_codes: tuple[int, ...] = Field(default=(), description="architecture codes of those that fetch by HTTP")
    runs: tuple[str, ...] = Field(
        default=(), description="processors whose systems it can start; only its own if empty"
    )
    makers: tuple[str, ...] = Field(
        default=(), description="the beginnings of the MAC addresses of cards that say another code and mean this row"
    )
    says: int | None = Field(default=None, description="that other code")
    platform: str = Field(
        default="", description="iPXE's ${platform} on it: pcbios or efi; empty where there is no iPXE"
    )
    loader: Loader | None = Field(default=None, description="the first-stage file it takes; None where none is known")
    ipxe_loader: Loader | None = Field(
        default=None, description="what an iPXE without HTTP takes on this firmware, if that is another file"
    )
    other_loader: Loader | None = Field(
        default=None, description="another build of iPXE for it, for machines on which the first does not come up"
    )
    stub: Stub | None = Field(default=None, description="what a unified kernel image for it is made with")
    source: str = Field(default="", description="where this is known from, beyond the registry")

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not self.codes and not self.http_codes:
            raise ValueError("firmware needs an architecture code, or no machine will ever be recognised as having it")
        if any(not 0 <= code <= 0xFFFF for code in (*self.codes, *self.http_codes)):
            raise ValueError("an architecture code is a number from 0 to 65535")
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", self.cpu):
            raise ValueError(f"{self.cpu!r} is not a name of a processor, such as riscv64")
        if self.family is FirmwareFamily.UEFI and any(loader.pe_machine is None for loader in self.loaders()):
            raise ValueError("a loader for UEFI needs pe_machine, the machine type in its PE header")
        return self

    def __str__(self) -> str:
        return f"{self.family} {self.cpu}"

    def architectures(self) -> tuple[Architecture, ...]:
        """What each code of it means."""
        both = ((self.codes, Transport.PXE), (self.http_codes, Transport.HTTP))
        return tuple(
            Architecture(code=code, cpu=self.cpu, family=self.family, transport=transport, runs=self.runs)
            for codes, transport in both
            for code in codes
        )

    def loaders(self) -> tuple[Loader, ...]:
        """The first-stage files that it may be handed."""
        every = (self.loader, self.ipxe_loader, self.other_loader)
        return tuple({loader.name: loader for loader in every if loader is not None}.values())

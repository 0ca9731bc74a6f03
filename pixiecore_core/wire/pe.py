"""What is read in EFI programs: the headers of Microsoft's PE/COFF, as the UEFI specification uses them.

Bytes in, values out. Knows what is needed to tell a program's processor, to put sections behind those that it has, and
to tell a Linux kernel that firmware can start from one that it cannot. The rest of a file is nobody's business here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from pixiecore_core.errors import WireError

HEADER_BYTES = 4096
"""How much of a file holds all headers of any EFI program in the field."""
SECTION_BYTES = 40
_COFF, _COFF_BYTES = "<HHIIIHH", 20  # PE/COFF section 3.3
_PE32, _PE32_PLUS = 0x10B, 0x20B
_MOST_SECTIONS = 96  # PE/COFF section 4: more, and the loader refuses it


@dataclass(frozen=True)
class Section:
    """A row of the section table (PE/COFF section 4); all numbers are bytes."""

    name: str
    virtual_size: int
    address: int
    """Where it is in memory, from the start of the program."""
    raw_size: int
    position: int
    """Where it is in the file."""


@dataclass(frozen=True)
class Program:
    """The headers of an EFI program."""

    machine: int
    """The processor that it is for (PE/COFF section 3.3.1)."""
    coff: int
    """Where the COFF header is in the file."""
    optional: int
    """Where the optional header is."""
    directories: int
    """Where the table of data directories is (PE/COFF section 3.4.3)."""
    table: int
    """Where the section table is."""
    section_alignment: int
    file_alignment: int
    headers_size: int
    """What all headers take in the file, with the room behind them."""
    sections: tuple[Section, ...]

    @property
    def end_in_memory(self) -> int:
        """Behind the last section, once loaded."""
        return max((one.address + one.virtual_size for one in self.sections), default=self.headers_size)

    @property
    def end_in_file(self) -> int:
        """Behind the last section's bytes."""
        return max((one.position + one.raw_size for one in self.sections), default=self.headers_size)


def machine_of(head: bytes) -> int:
    """The processor that an EFI program is for (PE/COFF section 3.3.1).

    :param head: the first bytes of the file, as for :func:`parse`
    :raises WireError: it is no such program, or its headers are not all in *head*
    """
    (machine,) = _fields("<H", head, _coff(head))
    return int(machine)


def parse(head: bytes) -> Program:
    """Read the headers of an EFI program.

    :param head: the first bytes of the file, :data:`HEADER_BYTES` or all that there are
    :raises WireError: it is no such program, or its headers are not all in *head*
    """
    coff = _coff(head)
    machine, count, _, _, _, optional_size, _ = _fields(_COFF, head, coff)
    optional = coff + _COFF_BYTES
    (magic,) = _fields("<H", head, optional)
    if magic not in (_PE32, _PE32_PLUS):
        raise WireError(f"not an EFI program: its optional header is of kind {magic:#x}", optional)
    section_alignment, file_alignment = _fields("<II", head, optional + 32)
    (headers_size,) = _fields("<I", head, optional + 60)
    if not 0 < count <= _MOST_SECTIONS:
        raise WireError(f"an EFI program with {count} sections", coff + 2)
    for alignment in (section_alignment, file_alignment):
        if alignment & (alignment - 1) or not 0 < alignment <= 1 << 26:
            raise WireError(f"sections are aligned to {alignment} bytes", optional + 32)
    directories = optional + (96 if magic == _PE32 else 112)
    (directory_count,) = _fields("<I", head, directories - 4)
    table = optional + optional_size
    if directories + 8 * directory_count > table:
        raise WireError("an EFI program whose data directories reach into its sections", directories)
    sections = tuple(_section(head, table + SECTION_BYTES * number) for number in range(count))
    return Program(
        machine=machine,
        coff=coff,
        optional=optional,
        directories=directories,
        table=table,
        section_alignment=section_alignment,
        file_alignment=file_alignment,
        headers_size=headers_size,
        sections=sections,
    )


def _coff(head: bytes) -> int:
    """Where the COFF header is: behind the signature, whose place the header of DOS gives (PE/COFF section 3.2)."""
    if head[:2] != b"MZ":
        raise WireError("not an EFI program: it does not begin with MZ", 0)
    (start,) = _fields("<I", head, 0x3C)
    if head[start : start + 4] != b"PE\0\0":
        raise WireError("not an EFI program: no PE header where it says that one is", start)
    return int(start) + 4


def _section(head: bytes, position: int) -> Section:
    name, virtual_size, address, raw_size, start = _fields("<8sIIII", head, position)
    return Section(
        name=name.rstrip(b"\0").decode("latin-1"),
        virtual_size=virtual_size,
        address=address,
        raw_size=raw_size,
        position=start,
    )


def _fields(form: str, head: bytes, position: int) -> tuple[Any, ...]:
    try:
        return struct.unpack_from(form, head, position)
    except struct.error:
        raise WireError("an EFI program that is cut off in its headers", len(head)) from None

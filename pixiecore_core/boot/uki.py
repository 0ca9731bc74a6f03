"""Makes a unified kernel image: one EFI file of a stub, a kernel, initrds and a command line.

As the UAPI group specifies it: systemd's EFI stub with more PE sections behind its own. Only headers and padding are
made here; every size is known beforehand, so the parts are streamed and never all in memory. The same parts give the
same bytes. Opens no file.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from pixiecore_core.boot.initrds import one_after_the_other
from pixiecore_core.errors import WireError
from pixiecore_core.wire import pe

_ROW = struct.Struct("<8sIIIIIIHHI")
_PAGE = 4096  # the stub of Debian 12 is aligned to 512 bytes, but what it hands on must begin a page
_READ_ONLY_DATA = 0x4000_0040  # PE/COFF section 4.1: initialised data, readable
_CERTIFICATES = 4  # row of the data directories with a signature's place (PE/COFF section 3.4.3)
_MAGIC = b"#### LoaderInfo: systemd-stub "
"""What systemd's stub holds in ``.sdmagic``; Debian 12's for ARM64 has the words and not the section."""
_NO_OPERATION = b"\x1f\x20\x03\xd5"
"""ARM64's: what Debian 12's stub for it has between its headers and its code, where others have zeros."""


@dataclass(frozen=True)
class Part:
    """A file that goes into the image as it is."""

    name: str
    """What the caller knows it by."""
    size: int
    """Bytes."""


@dataclass(frozen=True)
class Image:
    """What the file is made of, one piece behind the other: bytes, or a part's content."""

    pieces: tuple[bytes | Part, ...]

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return sum(piece.size if isinstance(piece, Part) else len(piece) for piece in self.pieces)


def kernel_machine(head: bytes) -> int:
    """The processor that a kernel is for (PE/COFF section 3.3.1), of one that firmware can start.

    :param head: the first bytes of the kernel, :data:`pixiecore_core.wire.pe.HEADER_BYTES` of them
    :raises WireError: it has no EFI stub; the message says what it seems to be
    """
    if head.startswith(b"\x1f\x8b"):
        raise WireError(
            "the kernel is compressed by gzip: UEFI cannot start it; unpack it, or take one with an EFI stub"
        )
    if head.startswith(b"\x7fELF"):
        raise WireError("the kernel is an ELF file (vmlinux): UEFI cannot start it; take vmlinuz or Image")
    if head[:2] != b"MZ":
        raise WireError("the kernel has no EFI stub (CONFIG_EFI_STUB), so UEFI cannot start it")
    return pe.parse(head).machine


def unify(stub: bytes, kernel: Part, initrds: Sequence[Part], cmdline: str, os_release: str) -> Image:
    """Join them.

    :param stub: systemd's EFI stub, whole
    :param cmdline: the kernel command line
    :param os_release: the text of ``.osrel``, which boot loaders show
    :raises WireError: the stub is none, or has no room for more sections
    """
    program = pe.parse(stub[: pe.HEADER_BYTES])
    if _MAGIC not in stub and ".sdmagic" not in {section.name for section in program.sections}:
        raise WireError("not systemd's EFI stub: it has neither a section .sdmagic nor what stands in it")
    body = stub[program.headers_size : program.end_in_file]
    if len(body) != program.end_in_file - program.headers_size:
        raise WireError("an EFI stub that is cut off", len(stub))
    sections: list[tuple[str, list[bytes | Part]]] = [
        (".osrel", [os_release.encode()]),
        (".cmdline", [cmdline.encode()]),
        (".linux", [kernel]),
    ]
    if initrds:
        sections.append((".initrd", one_after_the_other(initrds)))
    rows: list[bytes] = []
    pieces: list[bytes | Part] = []
    address, position = program.end_in_memory, program.end_in_file
    for name, contents in sections:
        address = _up(address, max(program.section_alignment, _PAGE))
        start = _up(position, program.file_alignment)
        size = Image(tuple(contents)).size
        room = _up(size, program.file_alignment)
        rows.append(_ROW.pack(name.encode(), size, address, room, start, 0, 0, 0, 0, _READ_ONLY_DATA))
        pieces += [bytes(start - position), *contents, bytes(room - size)]
        address, position = address + size, start + room
    end = _up(address, program.section_alignment)
    return Image((_headers(stub, program, rows, end), body, *(piece for piece in pieces if piece)))


def _headers(stub: bytes, program: pe.Program, rows: Sequence[bytes], end: int) -> bytes:
    """The stub's headers, with more sections, and without what no longer holds."""
    headers = bytearray(stub[: program.headers_size])
    count = len(program.sections)
    behind = program.table + pe.SECTION_BYTES * count
    new = b"".join(rows)
    room = bytes(headers[behind : behind + len(new)])
    free = not any(room) or room == _NO_OPERATION * (len(new) // len(_NO_OPERATION))
    if behind + len(new) > program.headers_size or not free:
        raise WireError(f"the EFI stub has no room for {len(rows)} more sections", behind)
    headers[behind : behind + len(new)] = new
    struct.pack_into("<H", headers, program.coff + 2, count + len(rows))
    # Debian 12's stub has symbols behind its last section, over which signers stumble: they are cut off.
    struct.pack_into("<II", headers, program.coff + 8, 0, 0)
    struct.pack_into("<I", headers, program.optional + 56, end)
    struct.pack_into("<I", headers, program.optional + 64, 0)  # the checksum, which no firmware looks at
    struct.pack_into("<II", headers, program.directories + 8 * _CERTIFICATES, 0, 0)
    return bytes(headers)


def _up(number: int, alignment: int) -> int:
    return -(-number // alignment) * alignment

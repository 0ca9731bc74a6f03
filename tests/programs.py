"""EFI programs made for tests: valid headers, sections with the contents that a test wants, and no code."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_FILE_ALIGNMENT = 0x200


def program(
    machine: int = 0x8664,
    sections: Sequence[tuple[str, bytes]] = ((".text", b"code"), (".sdmagic", b"#### LoaderInfo: test ####\0")),
    bits: int = 64,
    alignment: int = 0x1000,
    headers_size: int = 0x400,
    trailer: bytes = b"",
) -> bytes:
    """An EFI program.

    :param machine: the processor that it is for
    :param headers_size: how much room the headers have
    :param trailer: what follows the last section, as Debian 12's table of symbols does
    """
    directories = struct.pack("<I", 16) + bytes(16 * 8)
    wide = bits == 64
    front = struct.pack("<HBBIIIII", 0x20B if wide else 0x10B, 0, 0, 0, 0, 0, 0, 0)
    front += struct.pack("<Q", 0x1_0000_0000) if wide else struct.pack("<II", 0, 0x10000)
    front += struct.pack("<II", alignment, _FILE_ALIGNMENT) + bytes(16)
    rows, body = [], b""
    address = 0x1000
    for name, content in sections:
        position = headers_size + len(body)
        padded = content + bytes(-len(content) % _FILE_ALIGNMENT)
        rows.append(
            struct.pack(
                "<8sIIIIIIHHI", name.encode(), len(content), address, len(padded), position, 0, 0, 0, 0, 0x40000040
            )
        )
        body += padded
        address += -(-len(content) // 0x1000) * 0x1000
    middle = struct.pack("<IIIHH", address, headers_size, 0x1234, 10, 0) + bytes(4 * (8 if wide else 4) + 4)
    optional = front + middle + directories
    symbols = headers_size + len(body) if trailer else 0
    coff = struct.pack("<HHIIIHH", machine, len(rows), 0, symbols, len(trailer) // 18, len(optional), 0x2022)
    headers = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + coff + optional + b"".join(rows)
    return headers + bytes(headers_size - len(headers)) + body + trailer

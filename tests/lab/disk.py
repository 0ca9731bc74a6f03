"""A disk that says on the serial line that it was started: by BIOS from its boot sector, by UEFI from \\EFI\\BOOT.

Both loaders are a few instructions, written here as bytes: they send MARKER to the first serial port and stop. So what
is measured ends where the disk's own loader begins, and nothing has to be installed on a disk.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

from tests.programs import program

MARKER = "DISK started"

_SECTOR = 512
_SECTORS = 64 * 2048  # 64 MiB, which mformat makes FAT16
_FIRST = 2048  # where the partition begins, as every tool has it
_EFI_SYSTEM = 0xEF
_LINE_STATUS, _DATA, _EMPTY = 0x3FD, 0x3F8, 0x20  # of the 16550 that COM1 is


def make_disk(path: Path) -> None:
    """Write the image: an MBR with our boot sector, and one EFI system partition with FAT on it."""
    partition = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", _EFI_SYSTEM, b"\xfe\xff\xff", _FIRST, _SECTORS - _FIRST)
    boot_sector = _bios_loader().ljust(446, b"\0") + partition.ljust(64, b"\0") + b"\x55\xaa"
    assert len(boot_sector) == _SECTOR
    with path.open("wb") as image:
        image.write(boot_sector)
        image.truncate(_SECTORS * _SECTOR)
    loader = path.with_suffix(".efi")
    loader.write_bytes(_efi_loader())
    within = f"{path}@@{_FIRST * _SECTOR}"
    _mtools("mformat", "-i", within, "-T", str(_SECTORS - _FIRST), "-h", "16", "-s", "63", "::")
    _mtools("mmd", "-i", within, "::/EFI", "::/EFI/BOOT")
    _mtools("mcopy", "-i", within, str(loader), "::/EFI/BOOT/BOOTX64.EFI")


def _bios_loader() -> bytes:
    """BIOS loads the sector to 0x7c00, in 16-bit mode (IBM's BIOS; IA-32 manual for the instructions)."""
    front = b"\x31\xc0\x8e\xd8"  # xor ax, ax; mov ds, ax
    length = len(front) + 3
    code = _say(wide=False)
    return front + b"\xbe" + struct.pack("<H", 0x7C00 + length + len(code)) + code + _text()  # mov si, text


def _efi_loader() -> bytes:
    """UEFI calls it in 64-bit mode, where firmware and its programs may all use ports."""
    code = _say(wide=True)
    content = b"\x48\x8d\x35" + struct.pack("<i", len(code)) + code + _text()  # lea rsi, [rip + …]
    image = bytearray(program(sections=[(".text", content)]))
    coff = 64 + 4
    struct.pack_into("<I", image, coff + 20 + 16, 0x1000)  # the entry point: where the section is
    struct.pack_into("<I", image, coff + 20 + 240 + 36, 0x6000_0020)  # the section: code, readable, executable
    return bytes(image)


def _say(wide: bool) -> bytes:
    """Send what si points at to the serial port, and stop."""
    to_dx = b"\x66\xba" if wide else b"\xba"  # mov dx, imm16
    # wait: in al, dx; test al, EMPTY; jz wait
    send = b"\x88\xc4" + to_dx + struct.pack("<H", _LINE_STATUS) + b"\xec\xa8" + bytes([_EMPTY]) + b"\x74\xfb"
    send += to_dx + struct.pack("<H", _DATA) + b"\x88\xe0\xee"  # mov al, ah; out dx, al
    take = b"\xac\x84\xc0\x74" + bytes([len(send) + 2])  # next: lodsb; test al, al; jz stop
    back = b"\xeb" + struct.pack("<b", -(len(take) + len(send) + 2))  # jmp next
    return b"\xfc" + take + send + back + b"\xf4\xeb\xfd"  # cld … stop: hlt; jmp stop


def _text() -> bytes:
    return f"\r\n{MARKER}\r\n".encode() + b"\0"


def _mtools(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)

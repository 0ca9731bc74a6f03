"""What the first kilobyte of a kernel tells: for which processor it is, or that it is no kernel at all. Pure bytes.

Says nothing of what it does not know: a boot program of BIOS has no mark by which it could be told.
"""

from __future__ import annotations

HEAD_BYTES = 1024
"""That are looked at."""

_X86_MARK, _X86_AT = b"HdrS", 0x202  # Linux Documentation/arch/x86/boot.rst
_X86_FLAGS_AT, _X86_64 = 0x236, 1
_ARM64_MARK, _ARM64_AT = b"ARM\x64", 0x38  # Documentation/arch/arm64/booting.rst
_RISCV_MARK, _RISCV_AT = b"RSC\x05", 0x38  # Documentation/arch/riscv/boot-image-header.rst
_ELF = b"\x7fELF"
_ELF_MACHINES = {3: "i386", 40: "arm32", 62: "x86_64", 183: "arm64", 243: "riscv64", 258: "loong64"}
_PE_MACHINES = {0x14C: "i386", 0x8664: "x86_64", 0x1C2: "arm32", 0xAA64: "arm64", 0x5064: "riscv64", 0x6264: "loong64"}
_TEXTS = (b"<", b"#!", b"{", b"404")
"""How a page of a web server, or a script, begins that was fetched in a kernel's place."""


def processor_of(head: bytes) -> str:
    """The processor that a kernel is for, as iPXE names it; empty where it does not say.

    :param head: the first :data:`HEAD_BYTES` bytes of the file, or all of a shorter one
    """
    if head[_X86_AT : _X86_AT + 4] == _X86_MARK:
        wide = len(head) > _X86_FLAGS_AT and head[_X86_FLAGS_AT] & _X86_64
        return "x86_64" if wide else "i386"
    if head[_ARM64_AT : _ARM64_AT + 4] == _ARM64_MARK:
        return "arm64"
    if head[_RISCV_AT : _RISCV_AT + 4] == _RISCV_MARK:
        return "riscv64"
    if head.startswith(_ELF) and len(head) >= 20:
        return _ELF_MACHINES.get(int.from_bytes(head[18:20], "little"), "")
    if head.startswith(b"MZ") and len(head) >= 64:
        at = int.from_bytes(head[60:64], "little")
        if head[at : at + 4] == b"PE\0\0":
            return _PE_MACHINES.get(int.from_bytes(head[at + 4 : at + 6], "little"), "")
    return ""


def is_text(head: bytes) -> bool:
    """Whether it is a text, which no machine can start."""
    return head.lstrip().startswith(_TEXTS) and b"\0" not in head

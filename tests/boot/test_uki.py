"""Unified kernel images, read back by another reader of PE files than our own."""

from __future__ import annotations

import struct

import pefile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixiecore_core.boot.uki import Image, Part, kernel_machine, unify
from pixiecore_core.errors import WireError
from tests.programs import program

CMDLINE = "console=ttyS0 name=Ä"


def whole(image: Image, contents: dict[str, bytes]) -> bytes:
    data = b"".join(contents[piece.name] if isinstance(piece, Part) else piece for piece in image.pieces)
    assert len(data) == image.size
    return data


def parts(contents: dict[str, bytes]) -> tuple[Part, list[Part]]:
    kernel, *initrds = (Part(name, len(content)) for name, content in contents.items())
    return kernel, initrds


def made(contents: dict[str, bytes], stub: bytes) -> bytes:
    kernel, initrds = parts(contents)
    return whole(unify(stub, kernel, initrds, CMDLINE, "ID=pixiecore\n"), contents)


@settings(max_examples=40)
@given(
    st.binary(min_size=1, max_size=9000),
    st.lists(st.binary(min_size=1, max_size=5000), max_size=3),
    st.sampled_from([(32, 0x14C, 0x200), (64, 0x8664, 0x200), (64, 0xAA64, 0x1000)]),
)
def test_another_reader_finds_every_part(kernel: bytes, initrds: list[bytes], kind: tuple[int, int, int]) -> None:
    bits, machine, alignment = kind
    stub = program(machine, bits=bits, alignment=alignment)
    contents = {"kernel": kernel} | {f"initrd{number}": initrd for number, initrd in enumerate(initrds)}
    data = made(contents, stub)
    with pefile.PE(data=data) as read:
        assert read.FILE_HEADER.Machine == machine
        found = {section.Name.rstrip(b"\0").decode(): section for section in read.sections}
        in_memory = {name: section.get_data()[: section.Misc_VirtualSize] for name, section in found.items()}
        assert in_memory[".linux"] == kernel
        assert in_memory[".cmdline"].decode() == CMDLINE
        assert in_memory[".osrel"] == b"ID=pixiecore\n"
        joined = b""
        for initrd in initrds:
            joined += bytes(-len(joined) % 4) + initrd
        assert in_memory.get(".initrd", b"") == joined
        assert in_memory[".text"] == b"code", "the stub's own"
        ends = [0]
        for section in sorted(read.sections, key=lambda one: one.VirtualAddress):
            assert section.VirtualAddress >= ends[-1]
            ends.append(section.VirtualAddress + section.Misc_VirtualSize)
            if section.Name.startswith((b".linux", b".initrd", b".cmdline", b".osrel")):
                assert section.VirtualAddress % 4096 == 0
            assert section.PointerToRawData % read.OPTIONAL_HEADER.FileAlignment == 0
        assert ends[-1] <= read.OPTIONAL_HEADER.SizeOfImage < ends[-1] + 4096
        assert len(data) == max(section.PointerToRawData + section.SizeOfRawData for section in read.sections)


def test_the_same_parts_give_the_same_bytes() -> None:
    contents = {"kernel": b"k" * 5000, "initrd": b"i" * 77}
    assert made(contents, program()) == made(contents, program())


def test_symbols_and_checksum_are_left_out() -> None:
    data = made({"kernel": b"k"}, program(trailer=b"symbols of Debian 12's stub........."))
    assert b"symbols" not in data
    with pefile.PE(data=data) as read:
        assert read.FILE_HEADER.PointerToSymbolTable == read.FILE_HEADER.NumberOfSymbols == 0
        assert read.OPTIONAL_HEADER.CheckSum == 0


@pytest.mark.parametrize(
    ("stub", "reason"),
    [
        (b"MZ", "cut off"),
        (program(sections=[(".text", b"x")]), r"neither a section \.sdmagic"),
        (program()[:-600], "cut off"),
        (program(headers_size=0x200), "no room for 3 more sections"),
    ],
)
def test_what_is_no_stub(stub: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        unify(stub, Part("kernel", 1), [], "", "")


def test_the_stub_of_debian_12_for_arm64() -> None:
    """Two sections, none of them .sdmagic, and behind the headers no zeros but instructions that do nothing."""
    stub = program(0xAA64, sections=[(".text", b"code"), (".data", b"#### LoaderInfo: systemd-stub 252.39 ####\0")])
    nothing, table = b"\x1f\x20\x03\xd5", 64 + 4 + 20 + 112 + 16 * 8 + 2 * 40
    padded = stub[:table] + nothing * ((0x400 - table) // 4) + stub[0x400:]
    data = made({"kernel": b"k" * 5000}, padded)
    with pefile.PE(data=data) as read:
        names = [section.Name.rstrip(b"\0").decode() for section in read.sections]
        assert names == [".text", ".data", ".osrel", ".cmdline", ".linux"]
    other = stub[:table] + b"\x1f\x20\x03\xd6" * ((0x400 - table) // 4) + stub[0x400:]
    with pytest.raises(WireError, match="no room for 3 more sections"):
        made({"kernel": b"k"}, other)


def test_the_processor_that_a_kernel_is_for() -> None:
    assert kernel_machine(program(0xAA64)) == 0xAA64


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"\x1f\x8b\x08" + bytes(100), "compressed by gzip"),
        (b"\x7fELF" + bytes(100), "ELF"),
        (bytes(510) + b"\x55\xaa" + b"HdrS" + bytes(100), "no EFI stub"),
        (b"MZ" + bytes(100), "no PE header"),
    ],
)
def test_kernels_that_uefi_cannot_start(head: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        kernel_machine(head)


def test_a_signature_of_the_stub_does_not_stay() -> None:
    stub = bytearray(program())
    directories = 64 + 4 + 20 + 112
    struct.pack_into("<II", stub, directories + 8 * 4, 0x5000, 0x100)
    with pefile.PE(data=made({"kernel": b"k"}, bytes(stub))) as read:
        assert read.OPTIONAL_HEADER.DATA_DIRECTORY[4].Size == 0

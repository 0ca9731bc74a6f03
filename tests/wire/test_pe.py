"""The headers of EFI programs: what is read, and that nothing else is raised than what is promised."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.errors import WireError
from pixiecore_core.wire import pe
from tests.programs import program


def test_what_is_read() -> None:
    read = pe.parse(
        program(machine=0xAA64, sections=[(".text", b"a" * 700), (".sdmagic", b"b" * 9)])[: pe.HEADER_BYTES]
    )
    assert read.machine == 0xAA64
    assert (read.section_alignment, read.file_alignment) == (0x1000, 0x200)
    text, magic = read.sections
    assert (text.name, text.virtual_size, text.raw_size) == (".text", 700, 0x400)
    assert (magic.name, magic.address) == (".sdmagic", text.address + 0x1000)
    assert read.end_in_memory == magic.address + 9
    assert read.end_in_file == magic.position + magic.raw_size


@pytest.mark.parametrize("bits", [32, 64])
def test_both_kinds_of_optional_header(bits: int) -> None:
    data = program(bits=bits)
    read = pe.parse(data)
    (directories,) = struct.unpack_from("<I", data, read.directories - 4)
    assert directories == 16
    assert read.table == read.directories + 16 * 8


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not begin with MZ"),
        (b"\x7fELF" + bytes(100), "does not begin with MZ"),
        (b"MZ" + bytes(10), "cut off in its headers"),
        (b"MZ" + bytes(62), "no PE header"),
        (program()[:200], "cut off in its headers"),
        (program(sections=[]), "with 0 sections"),
        (program(alignment=3), "aligned to 3 bytes"),
    ],
)
def test_what_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        pe.parse(data)


@given(st.integers(0, 600), st.integers(1, 255))
def test_a_changed_byte_is_read_or_refused(position: int, change: int) -> None:
    data = bytearray(program())
    data[position] ^= change
    with contextlib.suppress(WireError):
        pe.parse(bytes(data))


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(WireError):
        pe.parse(b"MZ" + data)

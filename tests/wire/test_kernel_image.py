"""What a kernel says of its processor; and any bytes at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.wire.kernel_image import HEAD_BYTES, is_text, processor_of


def bzimage(flags: int) -> bytes:
    head = bytearray(HEAD_BYTES)
    head[0x202:0x206] = b"HdrS"
    head[0x236] = flags
    return bytes(head)


@pytest.mark.parametrize(
    ("head", "processor"),
    [
        (bzimage(1), "x86_64"),
        (bzimage(0), "i386"),
        (bytes(0x38) + b"ARM\x64" + bytes(100), "arm64"),
        (bytes(0x38) + b"RSC\x05" + bytes(100), "riscv64"),
        (b"\x7fELF" + bytes(14) + b"\xb7\0", "arm64"),
        (b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0\x64\xaa", "arm64"),
        (b"MZ" + bytes(58) + (2000).to_bytes(4, "little"), ""),
        (b"\x1f\x8b\x08", ""),
        (b"", ""),
    ],
)
def test_processors(head: bytes, processor: str) -> None:
    assert processor_of(head) == processor


def test_a_real_program() -> None:
    """Debian's iPXE as a kernel for BIOS has Linux's header."""
    for name in ("ipxe.lkrn",):
        path = Path("/usr/lib/ipxe") / name
        if path.exists():
            assert processor_of(path.read_bytes()[:HEAD_BYTES]) == "i386"


@pytest.mark.parametrize(
    ("head", "text"),
    [(b"<html>", True), (b"\n<!doctype html>", True), (b"#!ipxe\n", True), (b"MZ\0<", False), (b"<\0", False)],
)
def test_texts(head: bytes, text: bool) -> None:
    assert is_text(head) is text


@given(st.binary(max_size=HEAD_BYTES))
def test_any_bytes(head: bytes) -> None:
    assert isinstance(processor_of(head), str)
    assert isinstance(is_text(head), bool)

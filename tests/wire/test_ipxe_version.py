"""Which version an iPXE file is, and what a version says of what it can do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.wire.ipxe_version import Since, version_in

DEBIAN_12, DEBIAN_13 = "1.0.0+git-20190125.36a4c85-5.1", "1.21.1+git20250501.dad20602+dfsg-1"
SANBOOT = Since((2, 0, 0), "20241120")


def ipxe(version: str, sbat: bool) -> bytes:
    """What of such a file matters: texts among code."""
    if sbat:
        rows = f"sbat,1,SBAT Version,sbat,1,https://example.org\nipxe,1,iPXE,snponly.efi,{version},https://ipxe.org\n"
        return b"MZ\0\xff1.2.3.4\0iPXE/%s\0" + rows.encode()
    return f"MZ\0iPXE> \0{version}\0iPXE/%s\0".encode()


@pytest.mark.parametrize(
    ("version", "sbat"), [(DEBIAN_12, False), (DEBIAN_13, True), (DEBIAN_13, False), ("2.0.0", True)]
)
def test_a_file_says_which_version_it_is(version: str, sbat: bool) -> None:
    assert version_in(ipxe(version, sbat)) == version


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MZ" + bytes(1000),
        ipxe(DEBIAN_13, True).replace(b"iPXE/%s", b"GRUB/%s"),  # it names iPXE and is none
        b"\0iPXE/%s\0" + b"1.21.1",  # cut off
        ipxe("1.0.0", sbat=False),  # three numbers alone may be anything
    ],
)
def test_a_file_that_does_not_say_so(data: bytes) -> None:
    assert version_in(data) == ""


@given(st.binary(max_size=400), st.booleans())
def test_no_file_breaks_it(data: bytes, is_ipxe: bool) -> None:
    version = version_in(data + (b"\0iPXE/%s\0" if is_ipxe else b""))
    assert version.isascii()
    assert len(version) <= 115
    assert version.isprintable()


@pytest.mark.parametrize(
    ("version", "answer"),
    [
        (DEBIAN_12, False),
        (DEBIAN_13, True),
        ("1.21.1+git-20220113.fbbdc3926-0ubuntu1", False),  # Ubuntu 22.04: the same number as Debian 13's
        ("1.21.1+git20241119.0000000", False),
        ("1.21.1+git20241120.0000000", True),
        ("2.0.0", True),
        ("2.0.0+ (g5e06c)", True),
        ("v2.1", True),
        ("1.21.1", False),
        ("1.21.1+ (g182ee)", None),  # whoever built it knows when
        ("1.21.1-312-gab19546", None),
        ("1.21.1_git20240329", False),  # Alpine
        ("1.20", False),
        ("", None),
        ("unknown", None),
    ],
)
def test_what_a_version_can_do(version: str, answer: bool | None) -> None:
    assert SANBOOT.includes(version) is answer


@given(st.text(max_size=50))
def test_no_version_breaks_it(version: str) -> None:
    assert SANBOOT.includes(version) in (True, False, None)

"""The first tutorial shows the lines that Pixiecore logs: those of the steps that the kit can take, word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pixiecore_core import BootSpec, FileRef
from pixiecore_core.testing import FixedBooter, Netboot

from .pages import ROOT, blocks

PAGE = ROOT / "docs" / "tutorial" / "first-boot.md"
SHOWN = next(block.text for block in blocks(PAGE) if block.text.startswith("[DHCP] Offering")).splitlines()
OTHER_STEPS = ("[PXE]", "[TFTP]")


def shape(line: str) -> str:
    """The line without what differs from boot to boot: sizes, times, and the address that DHCP gave."""
    return re.sub(r"192\.0\.2\.\d+|[\d,.]+(?= bytes| s\b)", "…", line)


@pytest.fixture
def logged(tmp_path: Path) -> list[str]:
    for name in ("linux", "initrd.gz"):
        (tmp_path / name).write_bytes(b"x" * 1000)
    kernel, initrd = (FileRef(location=str(tmp_path / name)) for name in ("linux", "initrd.gz"))
    server = Netboot(FixedBooter(BootSpec(kernel=kernel, initrds=(initrd,))))
    assert server.boot("52:54:00:12:34:56", 7) is not None
    return [shape(line) for line in server.log.splitlines()]


def test_the_log_of_a_boot(logged: list[str]) -> None:
    in_memory = [shape(line) for line in SHOWN if not line.startswith(OTHER_STEPS)]
    assert in_memory == logged
    assert len(in_memory) + 2 == len(SHOWN)

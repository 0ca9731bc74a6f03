"""The inventories in the documentation are inventories."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pixiecore_inventory_booter.loading import load

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^`inventory/(?P<name>\S+)`:\n\n```\w*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["docs/how-to/inventory.md", "plugins/inventory_booter/README.md"])
def test_the_example_can_be_used(page: str, tmp_path: Path) -> None:
    blocks = list(BLOCK.finditer((ROOT / page).read_text(encoding="utf-8")))
    assert blocks
    for block in blocks:
        path = tmp_path / block["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block["text"], encoding="utf-8")
    boot_files = ("vmlinuz", "initrd.img", "initrd.gz", "initrd.cpio.gz")
    for folder in ("debian", "live", "flatcar"):
        (tmp_path / folder).mkdir()
        for name in boot_files:
            (tmp_path / folder / name).write_bytes(b"x")
    loaded = load(str(tmp_path))
    assert loaded.warnings == []
    assert loaded.inventory.machines

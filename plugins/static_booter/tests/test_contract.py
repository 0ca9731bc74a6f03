"""The static booter keeps the contract of all booters."""

from __future__ import annotations

from pathlib import Path

from pixiecore_static_booter import StaticBooter, StaticSettings

from pixiecore_core.testing import BooterContract


class TestStaticBooter(BooterContract):
    def make_booter(self, folder: Path) -> StaticBooter:
        for name in ("vmlinuz", "initrd.img", "data"):
            (folder / name).write_bytes(name.encode() * 1000)
        settings = {
            "kernel": str(folder / "vmlinuz"),
            "initrd": [str(folder / "initrd.img")],
            "cmdline": f'quiet data={{{{ ID "{folder / "data"}" }}}}',
        }
        return StaticBooter(StaticSettings.model_validate(settings))

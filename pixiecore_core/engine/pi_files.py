"""Opens what a Raspberry Pi's ROM fetches: its firmware, from the folder of ``--pi-firmware``.

The ROM asks in a folder that is called by its serial number, then in the root; a Pi 3 begins in the root. What is in
that folder, and what it boots, is the user's. Opens files; decides nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pixiecore_core.boot.paths import ServerAddress
from pixiecore_core.boot.urls import UrlMaker
from pixiecore_core.engine.opening import opened
from pixiecore_core.engine.policy import Policy
from pixiecore_core.errors import BootFileNotFound
from pixiecore_core.models import BootFile, FileRef

_SERIAL = re.compile(r"[0-9a-f]{8}|([0-9a-f]{2}-){5}[0-9a-f]{2}")
"""What the ROM puts before a name: eight digits of its serial number, or its MAC address (TFTP_PREFIX, Raspberry Pi's
bootloader configuration)."""

_NOBODY = "00:00:00:00:00:00"  # firmware is the same for all, and names no other file


def is_pis(path: str) -> bool:
    """Whether a Pi asks so: it looks for many files that it does without."""
    return _SERIAL.fullmatch(path.strip("/").partition("/")[0]) is not None


@dataclass(frozen=True, slots=True)
class PiFiles:
    """Opens them.

    :param folder: with the firmware; ``None`` where there is none
    """

    policy: Policy
    urls: UrlMaker
    folder: Path | None = None

    def open(self, path: str, server: ServerAddress) -> BootFile:
        """The file that *path* stands for: of this one Pi, or else of all.

        :raises BootFileNotFound: there is none
        :raises BootFileError: it cannot be opened
        """
        if self.folder is None:
            raise BootFileNotFound("no such file; boot files are at MAC/LOADER/NAME")
        name = path.strip("/")
        serial, _, rest = name.partition("/")
        ours, urls = FileRef(location=f"{self.folder}/"), self.urls.of(server, _NOBODY, 0.0)
        for one in (name, rest) if _SERIAL.fullmatch(serial) and rest else (name,):
            try:
                return opened(self.policy, ours.inside(one), None, urls)
            except (BootFileNotFound, ValueError):
                continue
        raise BootFileNotFound(f"there is no {name} in the folder of --pi-firmware")

"""What firmware fetches before any script runs: the loader of its own directory, and iPXE's autoexec script.

The same names work over TFTP and over HTTP, because both servers ask here. Reads no folder itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from pixiecore_core.boot.paths import AUTOEXEC_SCRIPT, is_autoexec, parse_loader_path
from pixiecore_core.engine.policy import Policy
from pixiecore_core.errors import BootFileNotFound
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models import BootFile, Machine


@dataclass(frozen=True, slots=True)
class FirstStage:
    """Opens first-stage files by the paths that our offers give out."""

    policy: Policy
    firmware: FirmwareTable

    def open(self, path: str) -> tuple[BootFile, str | None]:
        """The file at *path*, and the MAC address whose directory it is in, if any.

        :raises BootFileNotFound: we give out no such path, or nothing serves that firmware
        :raises BootFileError: the file cannot be opened
        """
        if is_autoexec(path):
            return BootFile.from_bytes("autoexec.ipxe", AUTOEXEC_SCRIPT.encode()), None
        wanted = parse_loader_path(path)
        if wanted is None or self.firmware.loader(wanted.loader) is None:
            raise BootFileNotFound("no such file; boot files are at MAC/LOADER/NAME")
        file = self.policy.provide_bootloader(wanted.loader, Machine(mac=wanted.mac))
        if file is None:
            raise BootFileNotFound(f"no iPXE for {wanted.loader} is installed here; see: pixiecore firmware")
        return file, wanted.mac

"""What firmware fetches before any script runs: the loader of its own directory, and iPXE's autoexec script.

The same names work over TFTP and over HTTP, because both servers ask here. Reads no folder itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from pixiecore_core.boot.chain_names import is_config
from pixiecore_core.boot.paths import ServerAddress, autoexec_script, is_autoexec, parse_loader_path
from pixiecore_core.boot.u_boot import BOOT_SCRIPT, asked_by_u_boot, is_boot_script
from pixiecore_core.engine.chain_files import ChainFiles
from pixiecore_core.engine.pi_files import PiFiles
from pixiecore_core.engine.policy import Policy
from pixiecore_core.engine.u_boot_files import UBootFiles
from pixiecore_core.engine.unifying import Unifier
from pixiecore_core.errors import BootFileNotFound
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models import BootFile, Machine
from pixiecore_core.wire.uimage import script_image


@dataclass(frozen=True, slots=True)
class FirstStage:
    """Opens first-stage files by the paths that our offers give out."""

    policy: Policy
    firmware: FirmwareTable
    unifier: Unifier
    chain_files: ChainFiles
    u_boot_files: UBootFiles
    pi_files: PiFiles

    def open(self, path: str, server: ServerAddress, client: str) -> tuple[BootFile, str | None]:
        """The file at *path*, and the MAC address whose directory it is in, if any.

        :param server: where the client reaches us
        :param client: its address
        :raises BootFileNotFound: we give out no such path, or nothing serves that firmware
        :raises BootFileError: the file cannot be opened
        """
        wanted = parse_loader_path(path)
        if is_autoexec(path):
            # Anybody may ask for it: it tells nothing that they do not know, and has no token that opens anything.
            # Over TFTP, Debian 13's build asks for it in the root, where nobody but iPXE knows whose it is.
            mac = wanted.mac if wanted is not None else None
            url = server.script_url(mac or "${netX/mac}")
            return BootFile.from_bytes("autoexec.ipxe", autoexec_script(url).encode()), mac
        if wanted is None and is_config(path.rsplit("/", 1)[-1]):
            # As the script: it tells nothing, and leads each to its own.
            return self.chain_files.first_config(server), None
        chain = self.chain_files.decider.loaders.chains.named(wanted.loader) if wanted is not None else None
        if wanted is not None and chain is not None:
            return self.chain_files.open(wanted.mac, *chain, wanted.name, server, client), wanted.mac
        if is_boot_script(path):
            # As autoexec.ipxe: the same for all, and tells nothing.
            return BootFile.from_bytes("boot.scr.uimg", script_image(BOOT_SCRIPT)), None
        asked = asked_by_u_boot(path, IPv4Address(client))
        if asked is not None:
            return self.u_boot_files.open(asked, server, client)
        if wanted is not None and wanted.stub is not None:
            return self.unifier.open(wanted.mac, wanted.stub, server, client), wanted.mac
        if wanted is not None and wanted.is_direct:
            return self.unifier.open_efi(wanted.mac, server, client), wanted.mac
        if wanted is None:
            return self.pi_files.open(path, server), None
        if self.firmware.loader(wanted.loader) is None:
            raise BootFileNotFound("no such file; boot files are at MAC/LOADER/NAME")
        file = self.policy.provide_bootloader(wanted.loader, Machine(mac=wanted.mac))
        if file is None:
            raise BootFileNotFound(f"no iPXE for {wanted.loader} is installed here; see: pixiecore firmware")
        return file, wanted.mac

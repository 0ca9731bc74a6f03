"""Opens the files of a signed chain: shim, what it starts, and for GRUB what the machine boots.

Which name stands for what is decided by boot/chain_names.py. The machine's own files are for whoever may have its
script. Asks and opens; holds nothing in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pixiecore_core.boot.chain_names import Asked, What, asked_for, config_name, initrd_names, kernel_name
from pixiecore_core.boot.grub_config import boot_config, first_config, hold_config
from pixiecore_core.boot.identify import Neighbours
from pixiecore_core.boot.paths import ServerAddress
from pixiecore_core.boot.urls import UrlMaker
from pixiecore_core.engine.claiming import claimed, spec_of
from pixiecore_core.engine.deciding import Decider
from pixiecore_core.engine.opening import opened
from pixiecore_core.engine.policy import Policy, PolicyFailed
from pixiecore_core.engine.scripting import Script
from pixiecore_core.errors import BootFileError, BootFileNotFound, BootFileNotReady, CmdlineError, PluginError
from pixiecore_core.firmware.chains import FOLDER, FoundChain, Signer, folder_name
from pixiecore_core.models import BootFile, BootSpec, FileRef, Machine, UrlFor
from pixiecore_core.models.facts import Fact, Held, ScriptSent


@dataclass(frozen=True, slots=True)
class ChainFiles:
    """Opens them.

    :param policy: opens files, renders the command line
    :param decider: says what a machine boots
    :param urls: for what the command line names
    :param neighbours: as for scripts
    :param report: told of what a script's sending is told by
    """

    policy: Policy
    decider: Decider
    urls: UrlMaker
    neighbours: Neighbours | None = None
    report: Callable[[Fact], None] = lambda fact: None
    clock: Callable[[], float] = time.time

    def first_config(self, server: ServerAddress) -> BootFile:
        """What GRUB is sent that asks in the root.

        :raises BootFileNotFound: there is no GRUB here that would ask
        """
        if not any(chain.row.kind == "grub" for chain in self.decider.loaders.chains.chains.values()):
            raise BootFileNotFound("no such file; there is no signed GRUB here (--secureboot-grub)")
        text = first_config(str(server.ip), FOLDER.format(kind="grub", cpu=""), config_name())
        return BootFile.from_bytes("grub.cfg", text.encode())

    def open(
        self, mac: str, chain: FoundChain, signer: Signer, name: str, server: ServerAddress, client: str
    ) -> BootFile:
        """The file that *name* stands for in a machine's folder.

        :param signer: which shim the folder is for
        :raises BootFileNotFound: none, or it is not to boot
        :raises BootFileError: it cannot be opened
        """
        asked = asked_for(name, chain.row)
        urls = self.urls.of(server, mac, self.clock())
        own = {What.SHIM: chain.shims[signer], What.SECOND: chain.second, What.MANAGER: chain.manager}
        if asked.what in own:
            path = own[asked.what]
            if path is None:
                raise BootFileNotFound(f"{name} is not in the folder of the signed loaders")
            return opened(self.policy, FileRef(location=str(path)), mac, urls)
        if asked.what is What.NOTHING:
            raise BootFileNotFound(f"{name} is not needed")
        machine = claimed(self.decider, self.neighbours, mac, client)
        if asked.what is What.CONFIG:
            return BootFile.from_bytes("grub.cfg", self._config(machine, chain, signer, server, urls).encode())
        return self._part(asked, spec_of(self.decider, machine), mac, urls)

    def _part(self, asked: Asked, spec: BootSpec, mac: str, urls: UrlFor) -> BootFile:
        files = [spec.kernel] if asked.what is What.KERNEL else list(spec.initrds)
        if asked.number >= len(files) or (ref := files[asked.number]) is None:
            raise BootFileNotFound("it boots something else by now")
        return opened(self.policy, ref, mac, urls)

    def _config(self, machine: Machine, chain: FoundChain, signer: Signer, server: ServerAddress, urls: UrlFor) -> str:
        """:raises BootFileError: it cannot be rendered, or is for iPXE"""
        try:
            spec = spec_of(self.decider, machine)
        except BootFileNotReady as error:
            self.report(Held(mac=machine.mac, asked_for="script", reason=str(error), seconds=error.seconds))
            return hold_config(str(error), error.seconds)
        if spec.kernel is None:
            raise BootFileNotFound("GRUB runs no iPXE script" if spec.ipxe_script else "there is no kernel for GRUB")
        script = self.script(machine, spec, chain, server, urls, signer)
        if isinstance(script, PolicyFailed):
            raise BootFileError(script.words) from script.error
        size, address = len(script.cmdline.encode()), str(machine.address or "")
        self.report(ScriptSent(mac=machine.mac, via="TFTP", address=address, cmdline_bytes=size))
        return script.text

    def script(
        self,
        machine: Machine,
        spec: BootSpec,
        chain: FoundChain,
        server: ServerAddress,
        urls: UrlFor,
        signer: Signer = "2011",
    ) -> Script | PolicyFailed:
        """The configuration by which GRUB boots *machine*."""
        folder = f"{machine.mac}/{folder_name(chain.row, signer)}"
        count = len(spec.initrds)
        try:
            cmdline = self.policy.render_cmdline(machine, spec, urls)
            text = boot_config(
                str(server.ip),
                f"{folder}/{kernel_name(count)}",
                [f"{folder}/{name}" for name in initrd_names(count)],
                cmdline,
                spec.message,
            )
        except (PluginError, CmdlineError) as error:
            return PolicyFailed(error)
        return Script(text, cmdline)

"""Opens what U-Boot fetches: a machine's configuration and the parts of its boot. For whoever may have its script.

The names and the text are boot/u_boot.py's. Asks and opens; keeps nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address

from pixiecore_core.boot.identify import Neighbours
from pixiecore_core.boot.initrds import one_after_the_other
from pixiecore_core.boot.paths import ServerAddress
from pixiecore_core.boot.u_boot import DEVICE_TREE, INITRD, Asked, config, own_prefix
from pixiecore_core.boot.urls import UrlMaker
from pixiecore_core.engine.claiming import claimed, spec_of
from pixiecore_core.engine.deciding import Decider
from pixiecore_core.engine.joining import Joined
from pixiecore_core.engine.opening import opened
from pixiecore_core.engine.policy import Policy, PolicyFailed
from pixiecore_core.engine.scripting import Script
from pixiecore_core.errors import BootFileError, BootFileNotFound, CmdlineError, PluginError
from pixiecore_core.models import BootFile, BootSpec, Fact, Machine, UrlFor
from pixiecore_core.models.facts import ScriptSent


@dataclass(frozen=True, slots=True)
class UBootFiles:
    """Opens them.

    :param neighbours: as for scripts
    :param hardware: the hardware addresses of a client, by which it is known where its name is not
    :param report: told of what a script's sending is told by
    """

    policy: Policy
    decider: Decider
    urls: UrlMaker
    neighbours: Neighbours | None
    hardware: Neighbours
    report: Callable[[Fact], None] = lambda fact: None
    clock: Callable[[], float] = time.time

    def open(self, asked: Asked, server: ServerAddress, client: str) -> tuple[BootFile, str]:
        """What U-Boot asks for, and the MAC address of the machine.

        :raises BootFileNotFound: nobody knows which machine it is, or it is not to boot
        :raises BootFileError: the file cannot be opened
        """
        mac = asked.mac or self._seen(client)
        machine = claimed(self.decider, self.neighbours, mac, client)
        spec = spec_of(self.decider, machine)
        if spec.kernel is None:
            raise BootFileNotFound("U-Boot starts a kernel, and it is to boot a script of iPXE's or an EFI program")
        urls = self.urls.of(server, mac, self.clock())
        if not asked.part:
            return self._config(asked, machine, spec, urls), mac
        if asked.part == INITRD:
            return self._initrd(spec, mac, urls), mac
        ref = spec.dtb if asked.part == DEVICE_TREE else spec.kernel
        if ref is None:
            raise BootFileNotFound("it boots something else by now")
        return opened(self.policy, ref, mac, urls), mac

    def _seen(self, client: str) -> str:
        """The one card that the kernel knows this client by."""
        try:
            seen = list(self.hardware(IPv4Address(client)))
        except OSError as error:
            raise BootFileError(f"cannot tell which machine this is: {error.strerror}") from error
        if len(seen) != 1:
            raise BootFileNotFound("which machine this is, neither its name says nor the neighbour table")
        return seen[0]

    def script(self, machine: Machine, spec: BootSpec, urls: UrlFor, prefix: str = "") -> Script | PolicyFailed:
        """The configuration of *machine*.

        :param prefix: before the names of the files
        """
        try:
            cmdline = self.policy.render_cmdline(machine, spec, urls)
            return Script(config(prefix, bool(spec.initrds), spec.dtb is not None, cmdline, spec.message), cmdline)
        except (PluginError, CmdlineError) as error:
            return PolicyFailed(error)

    def _config(self, asked: Asked, machine: Machine, spec: BootSpec, urls: UrlFor) -> BootFile:
        script = self.script(machine, spec, urls, asked.prefix if asked.mac else own_prefix(machine.mac))
        if isinstance(script, PolicyFailed):
            raise BootFileError(script.words) from script.error
        address = str(machine.address or "")
        self.report(
            ScriptSent(mac=machine.mac, via="TFTP", address=address, cmdline_bytes=len(script.cmdline.encode()))
        )
        return BootFile.from_bytes("pxelinux.cfg", script.text.encode())

    def _initrd(self, spec: BootSpec, mac: str, urls: UrlFor) -> BootFile:
        if not spec.initrds:
            raise BootFileNotFound("it boots something else by now")
        with ExitStack() as to_close:
            files = []
            for ref in spec.initrds:
                files.append(opened(self.policy, ref, mac, urls))
                to_close.callback(files[-1].source.close)
            source = Joined(one_after_the_other(files))
            to_close.pop_all()
        return BootFile(name="initrd", size=source.size, source=source)

"""The core's own answers to the hooks, asked last: expand the command line, write the script, open files, find iPXE.

An ordinary plugin in every respect; any of these can be replaced or wrapped by another.
"""

from __future__ import annotations

from collections.abc import Callable

from pixiecore_core.boot.cmdline import expand
from pixiecore_core.boot.script import script
from pixiecore_core.files.local import open_local
from pixiecore_core.files.plane import FilePlane
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.hookspecs import CmdlineFunction, hookimpl
from pixiecore_core.models import BootFile, BootSpec, FileRef, Machine, UrlFor

Functions = Callable[[Machine, UrlFor], dict[str, CmdlineFunction]]


class Defaults:
    """The core's implementations.

    :param loaders: the iPXE binaries found on this system
    :param files: opens boot files
    :param functions: what plugins add to the command line's templates
    """

    def __init__(
        self, loaders: FoundLoaders, files: FilePlane | None = None, functions: Functions | None = None
    ) -> None:
        self._loaders = loaders
        self._functions = functions
        self._files = files or FilePlane()

    @hookimpl(trylast=True)
    def provide_bootloader(self, loader: str, machine: Machine) -> BootFile | None:
        """The binary found on this system."""
        path = self._loaders.paths.get(loader)
        return None if path is None else open_local(str(path))

    @hookimpl(trylast=True)
    def render_cmdline(self, machine: Machine, spec: BootSpec, url_for: UrlFor) -> str:
        """The spec's command line, with ``{{ ID "name" }}`` replaced by URLs of ``spec.files``."""
        words = self._functions(machine, url_for) if self._functions and "{{" in spec.cmdline else {}
        return expand(spec.cmdline, {"ID": lambda name: url_for(spec.files[name])}, words)

    @hookimpl(trylast=True)
    def render_script(self, machine: Machine, spec: BootSpec, cmdline: str, url_for: UrlFor) -> str:
        """Pixiecore's script, or the spec's own."""
        if spec.ipxe_script is not None:
            return spec.ipxe_script
        kernel = spec.efi or spec.kernel  # iPXE on UEFI starts one as it starts the other
        assert kernel is not None, "BootSpec has one of them"
        initrds = [url_for(initrd, "initrd") for initrd in spec.initrds]
        return script(url_for(kernel, "kernel"), initrds, cmdline, spec.message, url_for.booting())

    @hookimpl(trylast=True)
    def open_boot_file(self, ref: FileRef) -> BootFile | None:
        """The file at a path or an http(s) URL."""
        return self._files.open(ref) if ref.is_url or ref.is_on_disk else None

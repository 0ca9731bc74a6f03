"""The core's own answers to the hooks, asked last: expand the command line, write the script, open files, find iPXE.

An ordinary plugin in every respect; any of these can be replaced or wrapped by another.
"""

from __future__ import annotations

from collections.abc import Callable

from pixiecore_core.boot.cmdline import expand
from pixiecore_core.boot.paths import FAILED_PATH
from pixiecore_core.boot.script import script
from pixiecore_core.engine.step_failing import usual_answer
from pixiecore_core.files.local import open_local
from pixiecore_core.files.plane import FilePlane
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.hookspecs import CmdlineFunction, hookimpl
from pixiecore_core.models import BootFile, BootSpec, FileRef, GiveUp, Machine, Retry, UrlFor
from pixiecore_core.models.facts import StepFailed

Functions = Callable[[Machine, UrlFor], dict[str, CmdlineFunction]]


class Defaults:
    """The core's implementations.

    :param loaders: the iPXE binaries found on this system
    :param files: opens boot files
    :param functions: what plugins add to the command line's templates
    :param retries: how often a machine tries its boot again where that may help
    """

    def __init__(
        self,
        loaders: FoundLoaders,
        files: FilePlane | None = None,
        functions: Functions | None = None,
        retries: int = 2,
    ) -> None:
        self._loaders = loaders
        self._functions = functions
        self._retries = retries
        self._files = files or FilePlane()

    @hookimpl(trylast=True)
    def provide_bootloader(self, loader: str, machine: Machine) -> BootFile | None:
        """The binary found on this system."""
        path = self._loaders.paths.get(loader)
        return None if path is None else open_local(str(path))

    @hookimpl(trylast=True)
    def render_cmdline(self, machine: Machine, spec: BootSpec, url_for: UrlFor) -> str:
        """The spec's command line, with ``{{ ID "name" }}`` replaced by URLs of ``spec.files``, and
        ``{{ REPORT "step" }}`` by one that reports a step; ``{{ SYSLOG "log_host=HOST" }}`` by those words, with the
        place where syslog is taken, if it is."""
        if "{{" not in spec.cmdline:
            return expand(spec.cmdline, {})
        functions = {"ID": lambda name: url_for(spec.files[name]), "REPORT": url_for.report, "SYSLOG": url_for.syslog}
        words = self._functions(machine, url_for) if self._functions else {}
        return expand(spec.cmdline, functions, words)

    @hookimpl(trylast=True)
    def render_script(self, machine: Machine, spec: BootSpec, cmdline: str, url_for: UrlFor) -> str:
        """Pixiecore's script, or the spec's own."""
        if spec.ipxe_script is not None:
            return spec.ipxe_script
        kernel = spec.efi or spec.kernel  # iPXE on UEFI starts one as it starts the other
        assert kernel is not None, "BootSpec has one of them"
        initrds = [url_for(initrd, "initrd") for initrd in spec.initrds]
        failed = url_for.page(FAILED_PATH)
        return script(url_for(kernel, "kernel"), initrds, cmdline, spec.message, url_for.booting(), failed)

    @hookimpl(trylast=True)
    def on_boot_failure(self, failure: StepFailed, failures: int) -> Retry | GiveUp:
        """Try again what may pass."""
        return usual_answer(failure, failures, self._retries)

    @hookimpl(trylast=True)
    def open_boot_file(self, ref: FileRef) -> BootFile | None:
        """The file at a path or an http(s) URL."""
        return self._files.open(ref) if ref.is_url or ref.is_on_disk else None

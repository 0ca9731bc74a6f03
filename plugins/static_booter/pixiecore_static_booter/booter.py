"""The static booter: the same kernel, initrds and command line for every machine that asks.

What can be wrong with the files is found at start, not when the first machine boots. Serves nothing: the core opens
and sends the files it names.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from pixiecore_core import BootSpec, Machine, hookimpl
from pixiecore_static_booter.answering import Asking
from pixiecore_static_booter.boot_files import BootableFile, CmdlineTemplate, named_files


class StaticSettings(BaseModel):
    """The booter's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kernel: BootableFile = Field(
        description="kernel to boot: a path or an http(s) URL, perhaps with #sha256=… behind it",
        json_schema_extra={"metavar": "PATH|URL"},
    )
    initrd: list[BootableFile] = Field(
        default=[],
        description="initial RAM disk, a path or a URL; may be repeated",
        json_schema_extra={"metavar": "PATH|URL"},
    )
    cmdline: CmdlineTemplate = Field(
        default="",
        description='kernel command line; {{ ID "path-or-url" }} becomes a URL of that file, or of a folder, with a '
        "slash at its end",
    )
    message: str = Field(default="", description="message to show on the machine's screen before it boots")


class StaticBooter(Asking):
    """Boots every machine into one kernel."""

    name = "static"
    Settings = StaticSettings

    def __init__(self, settings: StaticSettings) -> None:
        self._spec = BootSpec(
            kernel=settings.kernel,
            initrds=tuple(settings.initrd),
            cmdline=settings.cmdline,
            message=settings.message,
            files=named_files(settings.cmdline),
        )
        super().__init__([settings.kernel, *settings.initrd, *self._spec.files.values()])

    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec:
        """The one spec."""
        return self._spec

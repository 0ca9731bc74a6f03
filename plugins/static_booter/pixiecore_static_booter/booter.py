"""The static booter: the same kernel, initrds and command line for every machine that asks.

What can be wrong with the files is found at start, not when the first machine boots. Serves nothing: the core opens
and sends the files it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pixiecore_core import BootSpec, Machine, hookimpl
from pixiecore_static_booter.answering import Asking
from pixiecore_static_booter.boot_files import BootableFile, CmdlineTemplate, named_files


class StaticSettings(BaseModel):
    """The booter's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kernel: BootableFile | None = Field(
        description="kernel to boot: a path or an http(s) URL, perhaps with #sha256=… behind it",
        json_schema_extra={"metavar": "PATH|URL"},
    )
    initrd: list[BootableFile] = Field(
        default=[],
        description="initial RAM disk, a path or a URL; may be repeated",
        json_schema_extra={"metavar": "PATH|URL"},
    )
    efi: BootableFile | None = Field(
        default=None,
        description="EFI program to start in the place of a kernel, for UEFI machines: a path or an http(s) URL",
        json_schema_extra={"metavar": "PATH|URL"},
    )
    dtb: BootableFile | None = Field(
        default=None,
        description="device tree for machines with U-Boot: a path or an http(s) URL",
        json_schema_extra={"metavar": "PATH|URL"},
    )
    cmdline: CmdlineTemplate = Field(
        default="",
        description='kernel command line; {{ ID "path-or-url" }} becomes a URL of that file, or of a folder, with a '
        "slash at its end",
    )
    message: str = Field(default="", description="message to show on the machine's screen before it boots")

    @model_validator(mode="before")
    @classmethod
    def _needs_no_kernel(cls, data: Any) -> Any:
        """With an EFI program. Without, a missing kernel is told as any setting that is needed."""
        return {"kernel": None, **data} if isinstance(data, Mapping) and data.get("efi") else data

    @model_validator(mode="after")
    def _bootable(self) -> Self:
        if self.efi is not None and (self.kernel is not None or self.initrd):
            raise ValueError("--efi takes the place of --kernel and --initrd: give one or the other")
        if self.dtb is not None and self.kernel is None:
            raise ValueError("--dtb is for a kernel, and there is none")
        return self


class StaticBooter(Asking):
    """Boots every machine into one kernel."""

    name = "static"
    Settings = StaticSettings

    def __init__(self, settings: StaticSettings) -> None:
        self._spec = BootSpec(
            kernel=settings.kernel,
            efi=settings.efi,
            initrds=tuple(settings.initrd),
            dtb=settings.dtb,
            cmdline=settings.cmdline,
            message=settings.message,
            files=named_files(settings.cmdline),
        )
        named = (settings.kernel, settings.efi, settings.dtb, *settings.initrd, *self._spec.files.values())
        super().__init__([ref for ref in named if ref is not None])

    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec:
        """The one spec."""
        return self._spec

"""The static booter: the same kernel, initrds and command line for every machine that asks.

What can be wrong with the files is found at start, not when the first machine boots. Serves nothing: the core opens
and sends the files it names.
"""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pixiecore_core import BootSpec, CmdlineError, FileRef, Machine, expand_cmdline, hookimpl


def _file(value: object) -> object:
    """A path, made absolute, or a URL; ``#sha256=…`` behind either says what its bytes must hash to.

    :raises ValueError: a local file is not there, or may not be read
    """
    if not isinstance(value, str):
        return value
    ref = FileRef.from_text(value if "://" in value else os.path.abspath(os.path.expanduser(value)))
    if ref.is_url:
        return ref
    try:
        with open(ref.location, "rb") as file:
            file.read(1)
    except OSError as error:
        raise ValueError(f"{ref.location} cannot be read: {error.strerror}") from error
    return ref


BootableFile = Annotated[FileRef, BeforeValidator(_file)]


def _template(value: object) -> object:
    """A command line whose files exist.

    :raises ValueError: the template is malformed, or a file it names cannot be read
    """
    if isinstance(value, str):
        _files(value)
    return value


def _files(cmdline: str) -> dict[str, FileRef]:
    """Every file that *cmdline* names, by the name it uses."""
    files: dict[str, FileRef] = {}

    def collect(name: str) -> str:
        ref = _file(name)
        assert isinstance(ref, FileRef)
        files[name] = ref
        return ""

    try:
        expand_cmdline(cmdline, {"ID": collect}, keep_words=True)
    except CmdlineError as error:
        raise ValueError(str(error)) from error
    return files


class StaticSettings(BaseModel):
    """The booter's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kernel: BootableFile = Field(
        description="kernel to boot: a path or an http(s) URL, perhaps with #sha256=… behind it"
    )
    initrd: list[BootableFile] = Field([], description="initial RAM disk, a path or a URL; may be repeated")
    cmdline: Annotated[str, BeforeValidator(_template)] = Field(
        "", description='kernel command line; {{ ID "path-or-url" }} becomes a URL of that file'
    )
    message: str = Field("", description="message to show on the machine's screen before it boots")


class StaticBooter:
    """Boots every machine into one kernel."""

    name = "static"
    Settings = StaticSettings

    def __init__(self, settings: StaticSettings) -> None:
        self._spec = BootSpec(
            kernel=settings.kernel,
            initrds=tuple(settings.initrd),
            cmdline=settings.cmdline,
            message=settings.message,
            files=_files(settings.cmdline),
        )

    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec:
        """The one spec."""
        return self._spec

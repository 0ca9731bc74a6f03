"""What is decided about a machine: what it boots, that it waits, starts its own disk, or is left alone."""

from __future__ import annotations

from typing import Annotated, NoReturn, Self

from pydantic import AfterValidator, Field, model_validator

from pixiecore_core.models.base import Model
from pixiecore_core.models.files import FileRef


class _Refusal(Model):
    reason: str = Field(min_length=1, max_length=65_536, description="why; in the log and in the machine's timeline")
    told: str = Field(
        default="",
        max_length=1000,
        description="what the machine is told in place of the reason, where that holds what somebody else has said",
    )

    by: str = Field(default="", max_length=200, description="the plugin that says so; filled in by the core")

    @property
    def words(self) -> str:
        """What the machine is told."""
        return self.told or self.reason


class Ignore(_Refusal):
    """A decision not to boot a machine, with the reason that its timeline will show."""


class Hold(_Refusal):
    """A decision to let a machine wait: it is offered its boot, and held at the script until there is an answer.

    iPXE, any build since 2014, obeys HTTP 503 with Retry-After: it waits and asks again.
    """

    # iPXE's httpcore.c
    seconds: int = Field(default=5, ge=1, le=3600, description="how long it should wait before it asks again")


class LocalDisk(Model):
    """A decision to send a machine on to its own disk at once, where its firmware would try the network for long.

    It is offered its boot, and its script starts the disk. Where no way is known to do that with its firmware and its
    iPXE, it is offered nothing, as with :class:`Ignore`, and its timeline says why.
    """

    reason: str = Field(
        default="", max_length=65_536, description="why; in the log and in the machine's timeline, never on its screen"
    )


class Retry(Model):
    """What to do about a step that failed: have the machine try its boot again."""

    seconds: int = Field(default=5, ge=0, le=3600, description="how long it waits first")
    message: str = Field(default="", max_length=200, description="what its screen says it does; made up if empty")


class GiveUp(Model):
    """What to do about a step that failed: leave the machine to its firmware, which tries its next boot entry."""

    message: str = Field(default="", max_length=200, description="what its screen says of it; made up if empty")


class _ReadOnly(dict[str, FileRef]):
    """A dictionary that cannot be changed, like the models that hold it."""

    def _refuse(self, *arguments: object, **options: object) -> NoReturn:
        raise TypeError("a spec's files cannot be changed; make another with spec.model_copy(update={'files': …})")

    __setitem__ = __delitem__ = pop = popitem = clear = update = setdefault = __ior__ = _refuse

    def __reduce__(self) -> tuple[type, tuple[dict[str, FileRef]]]:
        return _ReadOnly, (dict(self),)


Files = Annotated[dict[str, FileRef], AfterValidator(_ReadOnly)]
"""Files by name. One spec may be the answer for many machines, so nothing may change it."""


class BootSpec(Model):
    """What a machine should boot."""

    kernel: FileRef | None = Field(default=None, description="the kernel; needed unless efi or ipxe_script is given")
    efi: FileRef | None = Field(
        default=None,
        description="an EFI program in the kernel's place, for UEFI: a unified kernel image, a boot loader, a test",
    )
    initrds: tuple[FileRef, ...] = Field(
        default=(), max_length=1000, description="initial RAM disks, in the order the kernel sees them"
    )
    dtb: FileRef | None = Field(default=None, description="device tree, for U-Boot; other firmware has its own")
    cmdline: str = Field(
        default="",
        max_length=65_536,
        description='kernel command line; {{ ID "name" }} becomes the URL of files["name"]',
    )
    message: str = Field(default="", max_length=65_536, description="shown on the machine's screen before it boots")
    files: Files = Field(
        default=_ReadOnly(), max_length=10_000, description="further files that the command line names"
    )
    ipxe_script: str | None = Field(
        default=None, max_length=1_000_000, description="an iPXE script of your own; it wins over everything else"
    )

    @model_validator(mode="after")
    def _bootable(self) -> Self:
        if self.kernel is None and self.efi is None and self.ipxe_script is None:
            raise ValueError("a boot spec needs a kernel, an efi program or an ipxe_script")
        if self.efi is not None and (self.kernel is not None or self.initrds):
            raise ValueError("an efi program takes the place of a kernel and its initrds: give one or the other")
        if self.dtb is not None and self.kernel is None:
            raise ValueError("a device tree (dtb) is for a kernel, and there is none")
        if self.ipxe_script is not None and not self.ipxe_script.startswith(("#!ipxe", "#!gpxe")):
            raise ValueError("an iPXE script begins with #!ipxe; iPXE runs no other")
        return self

"""A Pixiecore plugin: a booter, which decides what each machine boots.

Change it into what you need: `pixiecore_core` exports all that a plugin may use, and each hook's docstring in
`pixiecore_core.hookspecs` is its contract.
"""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pixiecore_core import BooterRegistrar, BootSpec, FileRef, Ignore, Machine, hookimpl


def _readable(path: str) -> str:
    """Checked when Pixiecore starts, not when the first machine boots."""
    absolute = os.path.abspath(os.path.expanduser(path))
    with open(absolute, "rb"):
        return absolute


class $class_name:
    """The booter. It is constructed with its settings once, when Pixiecore starts with `--booter $name`."""

    name = "$name"

    class Settings(BaseModel):
        """Each field becomes an option, an environment variable and a TOML key."""

        model_config = ConfigDict(frozen=True, extra="forbid")

        kernel: Annotated[str, AfterValidator(_readable)] = Field(description="kernel that machines boot")
        word: str = Field(default="quiet", description="word of the kernel command line")

    def __init__(self, settings: Settings) -> None:
        self._spec = BootSpec(kernel=FileRef(location=settings.kernel), cmdline=settings.word)

    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec | Ignore:
        """Asked three times a boot, or more: the same machine gets the same answer each time."""
        if machine.architecture is not None and "x86_64" not in machine.architecture.processors:
            return Ignore(reason=f"the kernel is for x86_64, and this is {machine.architecture}")
        return self._spec


@hookimpl
def register_booters(register: BooterRegistrar) -> None:
    """Offer the booter; it is constructed where `--booter $name` chooses it."""
    register($class_name)

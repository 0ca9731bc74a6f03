"""Which file of a signed chain a name stands for, in the folder that is made up for a machine.

Shims ask for their second stage by names that cannot be foretold, so what is not known is the second stage. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from pixiecore_core.boot.paths import NOT_ALIASED
from pixiecore_core.firmware.chains import FOLDER, Chain


class What(Enum):
    """What a name stands for."""

    SHIM = auto()
    SECOND = auto()
    """iPXE or GRUB."""
    MANAGER = auto()
    """MokManager, by which somebody at the machine enrols a key."""
    CONFIG = auto()
    """GRUB's configuration, made for the machine."""
    KERNEL = auto()
    INITRD = auto()
    NOTHING = auto()
    """What it asks for and does without."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for."""

    what: What
    number: int = 0
    """Which of several, from 0."""
    is_last: bool = False
    """Whether nothing comes between it and the kernel's start."""


_LAST = ".last"
_PART = re.compile(rf"(kernel|initrd)([0-9]{{1,3}})?({re.escape(_LAST)})?")
_CONFIG = re.compile(r"grub\.cfg(-[0-9A-Za-z.:_-]{0,64})?")
"""The name, and what GRUB's ``net`` puts behind it: ``-01-MAC``, ``-HEXIP`` and shorter (GRUB manual, "Network")."""
# Of shim (rhboot/shim, shim.c and fallback.c), and of GRUB's normal mode, whose modules are built into a signed one.
_DONE_WITHOUT = re.compile(r"fb[a-z0-9]+\.efi|boot[a-z0-9]+\.csv|.*\.(lst|mod|mo|gmo|pf2)|locale|font.*", re.IGNORECASE)
_MANAGER = re.compile(r"mm[a-z0-9]+\.efi", re.IGNORECASE)


def asked_for(name: str, row: Chain) -> Asked:
    """What the last part of a path stands for.

    :param name: the last part of the path
    """
    if name.lower() == row.boot_file:
        return Asked(What.SHIM)
    if _MANAGER.fullmatch(name):
        return Asked(What.MANAGER)
    if row.kind == "grub":
        if is_config(name):
            return Asked(What.CONFIG)
        part = _part(name)
        if part is not None:
            return part
    return Asked(What.NOTHING if _DONE_WITHOUT.fullmatch(name) else What.SECOND)


def is_config(name: str) -> bool:
    """Whether a name is one under which GRUB looks for its configuration."""
    return _CONFIG.fullmatch(name) is not None


def part_of(path: str) -> Asked | None:
    """Which part of a boot GRUB fetches by *path*; ``None`` for everything else."""
    parts = path.strip("/").split("/")
    is_grubs = len(parts) == 3 and parts[1].startswith(FOLDER.format(kind="grub", cpu=""))
    return _part(parts[-1]) if is_grubs else None


def _part(name: str) -> Asked | None:
    part = _PART.fullmatch(name)
    if part is None:
        return None
    return Asked(What.KERNEL if part[1] == "kernel" else What.INITRD, int(part[2] or 0), part[3] is not None)


def is_done_without(path: str) -> bool:
    """Whether a client asks by *path* for what it does without: not worth a warning."""
    name = path.rsplit("/", 1)[-1]
    return bool(_DONE_WITHOUT.fullmatch(name) or NOT_ALIASED.match(name))


def config_name() -> str:
    """The machine's own configuration."""
    return "grub.cfg"


def kernel_name(initrds: int) -> str:
    """The kernel.

    :param initrds: how many follow it
    """
    return "kernel" if initrds else f"kernel{_LAST}"


def initrd_names(count: int) -> list[str]:
    """The initrds, in their order; the last one says that it is."""
    return [f"initrd{number}{_LAST if number == count - 1 else ''}" for number in range(count)]

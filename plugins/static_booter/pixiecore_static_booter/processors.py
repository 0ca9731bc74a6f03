"""Processors: how people spell them, and which machines run a system that was built for one.

Names are those of iPXE's ``${buildarch}``, as in Pixiecore's architecture table. Knows nothing of recipes.
"""

from __future__ import annotations

from pixiecore_core import Architecture, FirmwareFamily
from pixiecore_static_booter.closest import no_such

_SPELLINGS = {
    "x86_64": ("amd64", "x64", "x86-64"),
    "arm64": ("aarch64",),
    "i386": ("x86", "i586", "i686"),
    "arm32": ("arm", "armhf"),
    "riscv64": (),
    "loong64": ("loongarch64",),
}
_NAMES = {spelling: name for name, others in _SPELLINGS.items() for spelling in (name, *others)}


def processor(text: str) -> str:
    """The name of a processor, however it is spelled: ``amd64`` is ``x86_64``.

    :raises ValueError: there is no such processor
    """
    name = _NAMES.get(text.strip().lower())
    if name is None:
        raise ValueError(no_such("architecture", text, _NAMES, list(_SPELLINGS)))
    return name


def runs_on(name: str, architecture: Architecture) -> bool:
    """Whether a machine of *architecture* can run what was built for the processor *name*.

    A BIOS always says i386, whatever the processor can do (RFC 4578 section 2.1 has no other code for it), and hardly
    any that still boots from a network cannot do x86_64. A 32-bit UEFI is different: it starts 32-bit kernels only.
    """
    if architecture.family is FirmwareFamily.BIOS:
        return name in ("x86_64", "i386")
    return architecture.cpu == name

"""Which machines run a system that was built for a processor. Knows nothing of recipes."""

from __future__ import annotations

from pixiecore_core import Architecture, FirmwareFamily


def runs_on(name: str, architecture: Architecture) -> bool:
    """Whether a machine of *architecture* can run what was built for the processor *name*.

    A BIOS always says i386, whatever the processor can do (RFC 4578 section 2.1 has no other code for it), and hardly
    any that still boots from a network cannot do x86_64. A 32-bit UEFI is different: it starts 32-bit kernels only.
    """
    if architecture.family is FirmwareFamily.BIOS:
        return name in ("x86_64", "i386")
    return architecture.cpu == name

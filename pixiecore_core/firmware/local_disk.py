"""The ways on to a machine's own disk, as rows: which firmware, from which iPXE on, by which command. With sources.

For a machine whose firmware tries the network first, and that is not to boot from it. Staying silent is right on no
firmware, only slow: UEFI tries each of its network entries to the end. Decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from pixiecore_core.firmware.rows import Architecture, FirmwareFamily
from pixiecore_core.wire.ipxe_version import Since


@dataclass(frozen=True, slots=True)
class Way:
    """One way on to the disk."""

    family: FirmwareFamily
    command: str
    """What iPXE does; it comes back only where it fails."""
    since: Since | None
    """The iPXE that can; any if ``None``."""
    source: str
    """How it is known, and how long it took in the lab."""

    def known_to(self, version: str) -> bool | None:
        """Whether the iPXE that says it is *version* can go it; ``None`` where that cannot be told."""
        return True if self.since is None else self.since.includes(version)

    @property
    def wants(self) -> str:
        """The iPXE that can, in words."""
        if self.since is None:
            return "any iPXE"
        day = self.since.date
        return f"iPXE {'.'.join(map(str, self.since.release))}, or a build from {day[:4]}-{day[4:6]}-{day[6:]} on"


_FIRST_DISK = "sanboot --no-describe --drive 0x80"
"""Drive 0x80 is the first disk on BIOS, and iPXE calls it so on UEFI too."""

WAYS = (
    Way(
        FirmwareFamily.BIOS,
        _FIRST_DISK,
        None,
        "iPXE arch/x86/interface/pcbios/int13.c, any build; SeaBIOS from power-on to the boot sector: 3.7 s so, 5.7 s "
        "by exit, 20.4 s by silence in a network without router advertisements",
    ),
    Way(
        FirmwareFamily.UEFI,
        _FIRST_DISK,
        # b1c13cc43 of 2024-03-05 has it; e9a23a5b3 of 2024-11-20 has the firmware find its disks first, which where it
        # boots from the network it need not have done.
        Since((2, 0, 0), "20241120"),
        "iPXE commits b1c13cc43 and e9a23a5b3, interface/efi/efi_block.c; OVMF to EFI/BOOT/BOOTX64.EFI: 9.0 s by PXE, "
        "7.6 s by HTTP Boot; by silence 265 s in a network without router advertisements. The build of 2019 cannot",
    ),
)


def way_to_disk(architecture: Architecture | None) -> Way | None:
    """The way of a machine; ``None`` where none is known."""
    family = architecture.family if architecture is not None else None
    return next((way for way in WAYS if way.family is family), None)

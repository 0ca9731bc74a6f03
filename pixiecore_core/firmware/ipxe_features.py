"""What builds of iPXE for UEFI can do that matters to a boot, by version: rows with their source. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from pixiecore_core.firmware.local_disk import WAYS
from pixiecore_core.firmware.rows import FirmwareFamily
from pixiecore_core.wire.ipxe_version import Since


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that not every build can."""

    can: str
    cannot: str
    since: Since
    source: str


_TO_DISK = next(way for way in WAYS if way.family is FirmwareFamily.UEFI)

FEATURES = (
    Feature(
        "asks for autoexec.ipxe, which saves a second DHCP",
        "asks DHCP a second time",
        Since((2, 0, 0), "20250501"),
        "the lab: Debian 13's build of 2025-05-01 asks, Debian 12's of 2019 does not",
    ),
    *(
        (Feature("can start the disk", "cannot start the disk", _TO_DISK.since, _TO_DISK.source),)
        if _TO_DISK.since is not None
        else ()
    ),
)


def features(version: str) -> list[str]:
    """What the iPXE that says it is *version* can do, and what not; nothing of what cannot be told."""
    told = ((one, one.since.includes(version)) for one in FEATURES)
    return [one.can if has else one.cannot for one, has in told if has is not None]

"""Which version an iPXE for UEFI is, from the bytes of its file, and what a version says of what its build can do.

iPXE's numbers say little: 1.21.1 was the last release for five years, and distributions built what came after it. What
tells builds apart is the date that they put behind the number. BIOS builds are packed and show nothing. Bytes and text
in, values out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Its SBAT section: name, generation, vendor, file, version, URL (rhboot/shim SBAT.md; in iPXE since 2024).
_SBAT = re.compile(rb"ipxe,\d{1,5},iPXE,[^,\x00\n]{0,80},([\x21-\x2b\x2d-\x7e]{1,100}),")
# Before that, a text of its own somewhere in the data (iPXE core/version.c).
_TEXT = re.compile(rb"\x00(\d{1,3}\.\d{1,3}\.\d{1,3}\+[\x20-\x7e]{0,100})\x00")
_IS_IPXE = b"iPXE/%s"
"""Its User-Agent, before the version is put in (iPXE net/tcp/httpcore.c)."""
_RELEASE = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")
_DATE = re.compile(r"git-?(20\d{6})(?!\d)")


def version_in(data: bytes) -> str:
    """The version that the iPXE in the file *data* says it is, as it says it; empty where it does not."""
    if _IS_IPXE not in data:
        return ""
    found = _SBAT.search(data) or _TEXT.search(data)
    return found[1].decode("ascii") if found is not None else ""


@dataclass(frozen=True, slots=True)
class Since:
    """From when on iPXE has a thing."""

    release: tuple[int, int, int]
    """The first release that has it."""
    date: str
    """The day, as in 20241120, from which what was built before that release has it."""

    def includes(self, version: str) -> bool | None:
        """Whether the build that says it is *version* has it; ``None`` where that cannot be told."""
        number = _RELEASE.match(version)
        if number is None:
            return None
        if (int(number[1]), int(number[2]), int(number[3] or 0)) >= self.release:
            return True
        dated = _DATE.search(version)
        if dated is not None:
            return dated[1] >= self.date
        # With more behind its number it is not the release, but something later, and nobody knows how much.
        return False if number.end() == len(version) else None

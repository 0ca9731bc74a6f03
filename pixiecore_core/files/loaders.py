"""Finds the iPXE binaries that this system has: none are shipped, stock ones from the distribution are enough.

Looks at the paths the user gave, then where distributions install them, then in the user's data folder. Reads a few
bytes of each to see that it is what its name claims. Serves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pixiecore_core.errors import ConfigError
from pixiecore_core.files.folders import user_folder
from pixiecore_core.models import Firmware

OPTIONS: dict[Firmware, str] = {
    Firmware.BIOS: "--ipxe-bios",
    Firmware.BIOS_IPXE: "--ipxe-ipxe",
    Firmware.EFI_IA32: "--ipxe-efi32",
    Firmware.EFI_X64: "--ipxe-efi64",
    Firmware.EFI_ARM64: "--ipxe-arm64",
}
"""The option that names each binary; the Go Pixiecore's names, where it had one."""

SERVES: dict[Firmware, str] = {
    Firmware.BIOS: "BIOS machines, by PXE",
    Firmware.BIOS_IPXE: "BIOS machines whose card has an iPXE without HTTP",
    Firmware.EFI_IA32: "32-bit x86 UEFI machines",
    Firmware.EFI_X64: "64-bit x86 UEFI machines",
    Firmware.EFI_ARM64: "64-bit ARM UEFI machines",
}

_FOLDERS = (
    "/usr/lib/ipxe",  # Debian, Ubuntu
    "/usr/share/ipxe",  # Fedora, RHEL, Arch, Alpine
    "/usr/lib/ipxe/qemu",
    "/opt/homebrew/share/ipxe",  # Homebrew on Apple silicon
    "/usr/local/share/ipxe",  # Homebrew on Intel, and by hand
    "/home/linuxbrew/.linuxbrew/share/ipxe",
)

# In each folder in this order: snponly before ipxe.efi, because the firmware's own driver works where iPXE's may not
# (ipxe issues 250, 972); undionly for the same reason (danderson/netboot issue 63).
_NAMES: dict[Firmware, tuple[str, ...]] = {
    Firmware.BIOS: ("undionly.kpxe", "i386/undionly.kpxe", "undionly.kkpxe"),
    Firmware.BIOS_IPXE: ("ipxe.pxe", "i386/ipxe.pxe"),
    Firmware.EFI_IA32: (
        "snponly-i386.efi",
        "ipxe-snponly-i386.efi",
        "i386-efi/snponly.efi",
        "i386-efi/ipxe.efi",
        "ipxe-i386.efi",
    ),
    Firmware.EFI_X64: (
        "snponly.efi",
        "snponly-x86_64.efi",
        "ipxe-snponly-x86_64.efi",
        "x86_64/snponly.efi",
        "x86_64-efi/snponly.efi",
        "ipxe.efi",
        "ipxe-x86_64.efi",
        "ipxe-amd64.efi",
        "x86_64/ipxe.efi",
        "x86_64-efi/ipxe.efi",
    ),
    Firmware.EFI_ARM64: (
        "snponly-arm64.efi",
        "ipxe-snponly-aarch64.efi",
        "arm64/snponly.efi",
        "arm64-efi/snponly.efi",
        "ipxe-arm64.efi",
        "ipxe-aarch64.efi",
        "arm64/ipxe.efi",
        "arm64-efi/ipxe.efi",
    ),
}

_PE_MACHINES = {Firmware.EFI_IA32: 0x014C, Firmware.EFI_X64: 0x8664, Firmware.EFI_ARM64: 0xAA64}

# How to get the binaries; keyed by ID and ID_LIKE of os-release(5).
_INSTALL: dict[str, dict[Firmware, str]] = {
    "debian": dict.fromkeys((Firmware.BIOS, Firmware.BIOS_IPXE, Firmware.EFI_X64), "apt-get install ipxe")
    | {Firmware.EFI_ARM64: "apt-get install ipxe (Debian 13 or later has ipxe-arm64.efi)"},
    "fedora": dict.fromkeys((Firmware.BIOS, Firmware.BIOS_IPXE, Firmware.EFI_X64), "dnf install ipxe-bootimgs-x86")
    | {Firmware.EFI_ARM64: "dnf install ipxe-bootimgs-aarch64"},
    "arch": dict.fromkeys(Firmware, "pacman -S ipxe"),
    "alpine": dict.fromkeys(Firmware, "apk add ipxe"),
}


@dataclass(frozen=True, slots=True)
class FoundLoaders:
    """Which binary serves which firmware on this system."""

    paths: Mapping[Firmware, Path]
    data_folder: Path

    def missing(self) -> list[Firmware]:
        """The firmware that nothing was found for."""
        return [firmware for firmware in Firmware if firmware not in self.paths]

    def how_to_get(self, firmware: Firmware, os_release: str = "/etc/os-release") -> str:
        """What to do about a missing binary, for this system."""
        command = _install_command(firmware, os_release)
        by_hand = f"put {_NAMES[firmware][0]} into {self.data_folder}, or give {OPTIONS[firmware]} PATH"
        return f"{command}; or {by_hand}" if command else by_hand


def find_loaders(
    given: Mapping[Firmware, Path], folders: tuple[str, ...] = _FOLDERS, data_folder: Path | None = None
) -> FoundLoaders:
    """Look for every binary.

    :param given: the paths the user named, which win and must be right
    :param data_folder: the user's own; ``$XDG_DATA_HOME/pixiecore`` by default
    :raises ConfigError: a path the user gave cannot be read, or is for another CPU
    """
    data_folder = data_folder or user_folder("data")
    paths = {}
    for firmware in Firmware:
        if firmware in given:
            problem = _unusable(given[firmware], firmware)
            if problem:
                raise ConfigError(OPTIONS[firmware], f"{given[firmware]} {problem}")
            paths[firmware] = given[firmware]
            continue
        candidates = (Path(folder, name) for folder in (*map(Path, folders), data_folder) for name in _NAMES[firmware])
        found = next((path for path in candidates if _unusable(path, firmware) is None), None)
        if found is not None:
            paths[firmware] = found
    return FoundLoaders(paths, data_folder)


def _unusable(path: Path, firmware: Firmware) -> str | None:
    """What is wrong with *path* as a boot file for *firmware*, as the end of a sentence."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not head:
        return "is empty"
    expected = _PE_MACHINES.get(firmware)
    if expected is None:
        return "is an EFI program, which BIOS cannot run" if head.startswith(b"MZ") else None
    pe_header = int.from_bytes(head[60:64], "little")
    if not head.startswith(b"MZ") or head[pe_header : pe_header + 4] != b"PE\0\0":
        return "is not an EFI program"
    machine = int.from_bytes(head[pe_header + 4 : pe_header + 6], "little")
    if machine != expected:
        return f"is built for another CPU (PE machine {machine:#06x}, not {expected:#06x})"
    return None


def _install_command(firmware: Firmware, os_release: str) -> str | None:
    try:
        lines = Path(os_release).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    systems = " ".join(fields.get(key, "").strip("\"'") for key in ("ID", "ID_LIKE")).split()
    return next((_INSTALL[system].get(firmware) for system in systems if system in _INSTALL), None)

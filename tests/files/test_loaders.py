"""Which iPXE binary is found for which firmware, and what is said of one that is missing or wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixiecore_core.errors import ConfigError
from pixiecore_core.files.loaders import OPTIONS, SERVES, find_loaders
from pixiecore_core.models import Firmware

DEBIAN = 'PRETTY_NAME="Debian"\nID=debian\n'


def efi(machine: int) -> bytes:
    """The first bytes of an EFI program for a CPU."""
    return b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + machine.to_bytes(2, "little") + bytes(100)


X64, IA32, ARM64 = efi(0x8664), efi(0x14C), efi(0xAA64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "undionly.kpxe").write_bytes(b"\xea kpxe")
    (tmp_path / "snponly.efi").write_bytes(X64)
    return tmp_path


def test_what_a_distribution_installs_is_found(folder: Path) -> None:
    found = find_loaders({}, (str(folder),), folder / "data")
    assert found.paths == {Firmware.BIOS: folder / "undionly.kpxe", Firmware.EFI_X64: folder / "snponly.efi"}
    assert found.missing() == [Firmware.BIOS_IPXE, Firmware.EFI_IA32, Firmware.EFI_ARM64]


@pytest.mark.parametrize(
    ("name", "content", "firmware"),
    [
        ("ipxe-snponly-x86_64.efi", X64, Firmware.EFI_X64),  # Fedora
        ("x86_64/ipxe.efi", X64, Firmware.EFI_X64),  # Arch
        ("ipxe-arm64.efi", ARM64, Firmware.EFI_ARM64),  # Debian 13
        ("arm64-efi/snponly.efi", ARM64, Firmware.EFI_ARM64),  # Fedora
        ("i386-efi/snponly.efi", IA32, Firmware.EFI_IA32),
        ("ipxe.pxe", b"\xea pxe", Firmware.BIOS_IPXE),
    ],
)
def test_other_distributions_names(tmp_path: Path, name: str, content: bytes, firmware: Firmware) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    assert find_loaders({}, (str(tmp_path),), tmp_path / "data").paths == {firmware: tmp_path / name}


def test_a_given_path_wins_and_the_data_folder_comes_last(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    (data / "snponly.efi").write_bytes(X64)
    (data / "ipxe.pxe").write_bytes(b"\xea pxe")
    mine = folder / "mine.efi"
    mine.write_bytes(X64)
    found = find_loaders({Firmware.EFI_X64: mine}, (str(folder),), data)
    assert found.paths[Firmware.EFI_X64] == mine
    assert found.paths[Firmware.BIOS_IPXE] == data / "ipxe.pxe"
    assert find_loaders({}, (str(folder),), data).paths[Firmware.EFI_X64] == folder / "snponly.efi"


@pytest.mark.parametrize(
    ("firmware", "content", "reason"),
    [
        (Firmware.EFI_ARM64, X64, "another CPU"),
        (Firmware.EFI_X64, b"#!/bin/sh", "not an EFI program"),
        (Firmware.EFI_X64, b"MZ", "not an EFI program"),
        (Firmware.BIOS, X64, "which BIOS cannot run"),
        (Firmware.BIOS, b"", "is empty"),
    ],
)
def test_a_wrong_path_is_an_error_at_start(tmp_path: Path, firmware: Firmware, content: bytes, reason: str) -> None:
    path = tmp_path / "loader"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"{OPTIONS[firmware]}: .*{reason}"):
        find_loaders({firmware: path}, (), tmp_path)


def test_a_missing_path_is_an_error_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--ipxe-bios: .*cannot be read: No such file"):
        find_loaders({Firmware.BIOS: tmp_path / "nope"}, (), tmp_path)


def test_a_binary_for_another_cpu_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "snponly.efi").write_bytes(ARM64)
    assert find_loaders({}, (str(tmp_path),), tmp_path).missing() == list(Firmware)


@pytest.mark.parametrize(
    ("os_release", "command"),
    [
        (DEBIAN, "apt-get install ipxe"),
        ("ID=ubuntu\nID_LIKE=debian\n", "apt-get install ipxe"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf install ipxe-bootimgs-x86"),
        ("ID=arch\n", "pacman -S ipxe"),
        ("ID=alpine\n", "apk add ipxe"),
        ("ID=plan9\n", "put undionly.kpxe into"),
    ],
)
def test_how_to_get_a_missing_binary(tmp_path: Path, os_release: str, command: str) -> None:
    (tmp_path / "os-release").write_text(os_release)
    found = find_loaders({}, (), tmp_path)
    advice = found.how_to_get(Firmware.BIOS, str(tmp_path / "os-release"))
    assert advice.startswith(command)
    assert "--ipxe-bios PATH" in advice


def test_every_firmware_has_an_option_and_a_description() -> None:
    assert set(OPTIONS) == set(SERVES) == set(Firmware)

"""Which iPXE binary is found for which firmware, and what is said of one that is missing or wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixiecore_core.errors import ConfigError
from pixiecore_core.firmware.finding import FoundLoaders, find_loaders, loader_option
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.firmware.rows import Loader

DEBIAN = 'PRETTY_NAME="Debian"\nID=debian\n'


def efi(machine: int) -> bytes:
    """The first bytes of an EFI program for a CPU."""
    return b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + machine.to_bytes(2, "little") + bytes(100)


def known(name: str) -> Loader:
    loader = KNOWN.loader(name)
    assert loader is not None
    return loader


def find(given: dict[str, Path], folders: tuple[str, ...], data: Path) -> FoundLoaders:
    return find_loaders(KNOWN, {known(name).setting: path for name, path in given.items()}, data, folders, folders)


X64, IA32, ARM64, RISCV64, LOONG64 = map(efi, (0x8664, 0x14C, 0xAA64, 0x5064, 0x6264))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "undionly.kpxe").write_bytes(b"\xea kpxe")
    (tmp_path / "snponly.efi").write_bytes(X64)
    return tmp_path


def test_what_a_distribution_installs_is_found(folder: Path) -> None:
    found = find({}, (str(folder),), folder / "data")
    assert found.paths == {"bios": folder / "undionly.kpxe", "efi-x64": folder / "snponly.efi"}
    assert [loader.name for loader in found.missing()] == [
        "bios-ipxe",
        "efi-ia32",
        "efi-x64-native",
        "efi-arm32",
        "efi-arm64",
        "efi-arm64-native",
        "efi-riscv64",
        "efi-loong64",
    ]
    usual = [loader.name for loader in found.missing() if loader.usual]
    assert usual == ["bios-ipxe", "efi-ia32", "efi-arm64"], "a server that starts speaks of these"


def test_which_ipxe_it_is_is_read_from_the_file(folder: Path) -> None:
    assert find({}, (str(folder),), folder / "data").versions == {}
    (folder / "snponly.efi").write_bytes(X64 + b"\0" * 5000 + b"\0" + b"1.0.0+git-20190125.36a4c85-5.1\0iPXE/%s\0")
    assert find({}, (str(folder),), folder / "data").versions == {"efi-x64": "1.0.0+git-20190125.36a4c85-5.1"}


@pytest.mark.parametrize(
    ("name", "content", "loader"),
    [
        ("ipxe-snponly-x86_64.efi", X64, "efi-x64"),  # Fedora
        ("ipxe-riscv64.efi", RISCV64, "efi-riscv64"),  # Debian 13
        ("ipxe-loong64.efi", LOONG64, "efi-loong64"),  # Debian 13
        ("arm64-efi/snponly.efi", ARM64, "efi-arm64"),  # Fedora
        ("i386-efi/snponly.efi", IA32, "efi-ia32"),
        ("ipxe.pxe", b"\xea pxe", "bios-ipxe"),
    ],
)
def test_other_distributions_names(tmp_path: Path, name: str, content: bytes, loader: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    assert find({}, (str(tmp_path),), tmp_path / "data").paths == {loader: tmp_path / name}


@pytest.mark.parametrize(
    ("name", "content", "loaders"),
    [
        ("x86_64/ipxe.efi", X64, ("efi-x64", "efi-x64-native")),  # Arch
        ("ipxe-arm64.efi", ARM64, ("efi-arm64", "efi-arm64-native")),  # Debian 13
    ],
)
def test_one_file_may_be_both_builds(tmp_path: Path, name: str, content: bytes, loaders: tuple[str, ...]) -> None:
    """Then there is no other one for a machine on which it fails."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    found = find({}, (str(tmp_path),), tmp_path / "data")
    assert found.paths == dict.fromkeys(loaders, tmp_path / name)


def test_a_given_path_wins_and_the_data_folder_comes_last(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    (data / "snponly.efi").write_bytes(X64)
    (data / "ipxe.pxe").write_bytes(b"\xea pxe")
    mine = folder / "mine.efi"
    mine.write_bytes(X64)
    found = find({"efi-x64": mine}, (str(folder),), data)
    assert found.paths["efi-x64"] == mine
    assert found.paths["bios-ipxe"] == data / "ipxe.pxe"
    assert find({}, (str(folder),), data).paths["efi-x64"] == folder / "snponly.efi"


@pytest.mark.parametrize(
    ("loader", "content", "reason"),
    [
        ("efi-arm64", X64, "another CPU"),
        ("efi-x64", b"#!/bin/sh", "not an EFI program"),
        ("efi-x64", b"MZ", "not an EFI program"),
        ("bios", X64, "which BIOS cannot run"),
        ("bios", b"", "is empty"),
    ],
)
def test_a_wrong_path_is_an_error_at_start(tmp_path: Path, loader: str, content: bytes, reason: str) -> None:
    path = tmp_path / "loader"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"--{known(loader).setting.replace('_', '-')}: .*{reason}"):
        find({loader: path}, (), tmp_path)


def test_a_missing_path_is_an_error_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--ipxe-bios: .*cannot be read: No such file"):
        find({"bios": tmp_path / "nope"}, (), tmp_path)


def test_a_binary_for_another_cpu_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "snponly.efi").write_bytes(ARM64)
    assert find({}, (str(tmp_path),), tmp_path).missing() == list(KNOWN.loaders())


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
    found = find({}, (), tmp_path)
    advice = found.how_to_get(known("bios"), str(tmp_path / "os-release"))
    assert advice.startswith(command)
    assert "--ipxe-bios PATH" in advice


def test_every_loader_has_an_option_of_its_own() -> None:
    options = [loader_option(loader) for loader in KNOWN.loaders()]
    x86 = ["--ipxe-bios", "--ipxe-ipxe", "--ipxe-efi32", "--ipxe-efi64", "--ipxe-efi64-native"]
    arm = ["--ipxe-arm32", "--ipxe-arm64", "--ipxe-arm64-native"]
    assert options == [*x86, *arm, "--ipxe-riscv64", "--ipxe-loong64"]


def test_stubs_are_looked_for_as_loaders_are(tmp_path: Path) -> None:
    (tmp_path / "linuxx64.efi.stub").write_bytes(X64)
    (tmp_path / "linuxaa64.efi.stub").write_bytes(X64)
    found = find({}, (str(tmp_path),), tmp_path / "data")
    assert found.stubs == {"x64": tmp_path / "linuxx64.efi.stub"}, "the other is for another processor"
    mine = tmp_path / "mine"
    mine.write_bytes(ARM64)
    assert find_loaders(KNOWN, {"uefi_stub_arm64": mine}, tmp_path, (), ()).stubs["arm64"] == mine
    with pytest.raises(ConfigError, match="built for another CPU") as caught:
        find_loaders(KNOWN, {"uefi_stub_x64": mine}, tmp_path, (), ())
    assert caught.value.option == "--uefi-stub-x64"

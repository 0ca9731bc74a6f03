"""The booter, in a netboot server in memory, and by the contract that every booter keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from $package import $class_name

from pixiecore_core import ConfigError
from pixiecore_core.testing import BooterContract, Netboot, configured

MAC = "52:54:00:12:34:56"


def booter(folder: Path) -> $class_name:
    (folder / "vmlinuz").write_bytes(b"kernel")
    return configured($class_name, kernel=str(folder / "vmlinuz"), word="console=ttyS0")


class TestContract(BooterContract):
    def make_booter(self, folder: Path) -> $class_name:
        return booter(folder)


@pytest.mark.parametrize("architecture", [0, 7])
def test_machines_boot_the_kernel(tmp_path: Path, architecture: int) -> None:
    boot = Netboot(booter(tmp_path)).boot(MAC, architecture)
    assert boot is not None
    assert (boot.kernel, boot.cmdline) == (b"kernel", "console=ttyS0")


def test_other_processors_are_left_alone(tmp_path: Path) -> None:
    machines = Netboot(booter(tmp_path))
    assert machines.boot(MAC, 11) is None
    assert "the kernel is for x86_64, and this is UEFI arm64" in machines.log


def test_a_kernel_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises((ConfigError, OSError)):
        configured($class_name, kernel=str(tmp_path / "nope"))

"""The quick booter, seen through the kit: who is offered which installer, and a whole boot from a mirror."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pixiecore_static_booter import QuickBooter, QuickSettings
from pydantic import ValidationError

from pixiecore_core import Architecture, BootSpec, Ignore, Machine
from pixiecore_core.testing import BooterContract, Netboot, architecture

from .mirrors import INITRD, KERNEL, debian_tree, served

MAC = "52:54:00:12:34:56"
BIOS, UEFI_X64, UEFI_IA32, ARM64 = (architecture(code) for code in (0, 7, 6, 11))


def booter(**settings: object) -> QuickBooter:
    return QuickBooter(QuickSettings.model_validate(settings))


def spec(firmware: Architecture | None, **settings: object) -> BootSpec:
    answer = booter(**settings).select_boot(Machine(mac=MAC, architecture=firmware))
    assert isinstance(answer, BootSpec), answer
    return answer


def refusal(firmware: Architecture | None, **settings: object) -> str:
    answer = booter(**settings).select_boot(Machine(mac=MAC, architecture=firmware))
    assert isinstance(answer, Ignore), answer
    return answer.reason


def kernel(firmware: Architecture | None, **settings: object) -> str:
    found = spec(firmware, **settings).kernel
    assert found is not None
    return found.location


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    for debian in ("amd64", "arm64"):
        debian_tree(tmp_path, "bookworm", debian)
    with served(tmp_path) as url:
        yield f"{url}/debian"


@pytest.mark.parametrize(("architecture", "directory"), [(0, b"amd64"), (7, b"amd64"), (11, b"arm64")])
def test_a_whole_boot_from_a_mirror(
    mirror: str, tmp_path: Path, architecture: int, directory: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    preseed = tmp_path / "preseed.cfg"
    preseed.write_bytes(b"d-i debian-installer/locale string en_GB")
    machines = Netboot(
        booter(
            recipe="debian",
            version="bookworm",
            mirror=mirror,
            cmdline=f'auto url={{{{ ID "{preseed}" }}}} console=ttyS0',
            message="Debian",
        )
    )
    boot = machines.boot(architecture=architecture)
    assert boot is not None
    assert boot.kernel == directory + KERNEL
    assert boot.initrds == (directory + INITRD,)
    words = boot.cmdline.split()
    assert words[0] == "auto"
    assert machines.fetch(words[1].removeprefix("url=")) == preseed.read_bytes()
    assert boot.script.splitlines()[1] == "echo Debian"
    kinds = [fact.kind for fact in machines.facts()]
    assert kinds[-5:] == ["script-sent", "kernel-sent", "initrd-sent", "booting", "file-sent"]


def test_the_recipes_command_line_comes_before_the_users() -> None:
    cmdline = spec(UEFI_X64, recipe="fedora", version="44", cmdline="inst.text {{ DONE }}").cmdline
    assert cmdline.startswith("inst.repo=https://")
    assert cmdline.endswith('/os{{ SYSLOG " inst.syslog=HOST:PORT" }} inst.text {{ DONE }}')
    assert spec(UEFI_X64, recipe="flatcar").cmdline == "flatcar.first_boot=1"


def test_every_machine_gets_its_own_processors_files() -> None:
    assert "/amd64/" in kernel(BIOS, recipe="debian")
    assert "/amd64/" in kernel(UEFI_X64, recipe="debian")
    assert "/arm64/" in kernel(ARM64, recipe="debian")
    assert kernel(BIOS, recipe="netboot.xyz").endswith("netboot.xyz.lkrn")
    assert kernel(UEFI_X64, recipe="xyz").endswith("netboot.xyz.efi")
    assert kernel(ARM64, recipe="xyz").endswith("netboot.xyz-arm64.efi")


def test_an_architecture_that_is_asked_for_is_the_only_one() -> None:
    assert "/arm64/" in kernel(ARM64, recipe="debian", architecture="aarch64")
    reason = refusal(BIOS, recipe="debian", version="sid", architecture="aarch64")
    assert reason == "it is BIOS i386; debian sid is served for arm64 only"
    assert "/x86/" in kernel(BIOS, recipe="alpine", architecture="x86")


def test_machines_that_a_recipe_is_not_for_are_left_alone() -> None:
    assert refusal(ARM64, recipe="arch") == "it is UEFI arm64; arch latest is served for x86_64 only"
    assert refusal(UEFI_IA32, recipe="debian").startswith("it is UEFI i386; debian stable is served for x86_64 and")
    machines = Netboot(booter(recipe="arch"))
    assert machines.discover(architecture=11) is None
    assert "arch latest is served for x86_64 only" in machines.log


def test_a_machine_that_says_nothing_of_itself() -> None:
    assert refusal(None, recipe="debian").startswith("it does not say what processor it has")
    assert "/arm64/" in kernel(None, recipe="debian", architecture="arm64")
    assert "nothing for its firmware (unknown)" in refusal(None, recipe="xyz", architecture="amd64")


def test_the_first_version_is_the_default() -> None:
    assert "/dists/stable/" in kernel(BIOS, recipe="debian")


def test_a_recipe_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"ours")
    own = f"description = 'Ours'\nversions = ['1']\narchitectures = {{ amd64 = 'x' }}\nkernel = '{tmp_path}/vmlinuz'\n"
    (tmp_path / "ours.toml").write_text(own)
    monkeypatch.chdir(tmp_path)
    settings = QuickSettings.model_validate({"recipe": "./ours.toml"})
    assert settings.recipe == str(tmp_path / "ours.toml")
    boot = Netboot(QuickBooter(settings)).boot()
    assert boot is not None
    assert boot.kernel == b"ours"
    (tmp_path / "vmlinuz").unlink()
    with pytest.raises(ValidationError) as caught:
        booter(recipe="ours.toml")
    (mistake,) = caught.value.errors()
    assert mistake["loc"] == ("recipe",)
    assert mistake["msg"] == (
        f"{tmp_path}/ours.toml: kernel: {tmp_path}/vmlinuz cannot be read: No such file or directory"
    )


def test_the_files_of_a_recipe_are_beside_it_and_the_users_where_the_user_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, here = tmp_path / 'the "recipe"\\s', tmp_path / "here"
    for folder in (beside, here):
        (folder / "seed").mkdir(parents=True)
        (folder / "key").write_text(folder.name)
    (beside / "vmlinuz").write_bytes(b"ours")
    ids = f'{{{{ ID "./key" }}}} {{{{ID `{{where}}/`}}}} {{{{ ID "{here}/key" }}}} {{{{ ID "http://h/k" }}}}'
    (beside / "own.toml").write_text(
        f"""
description = "Ours"
versions = ["1"]
architectures = {{ amd64 = "x" }}
kernel = '{beside}/vmlinuz'
cmdline = '{ids} {{{{ DONE }}}}'
words = {{ where = "seed" }}
"""
    )
    monkeypatch.chdir(here)
    found = spec(BIOS, recipe='../the "recipe"\\s/own.toml', cmdline='e={{ ID "./key" }}')
    locations = [ref.location for ref in found.files.values()]
    assert locations == [f"{beside}/key", f"{beside}/seed/", f"{here}/key", "http://h/k", f"{here}/key"]
    assert found.cmdline.endswith(' {{ DONE }} e={{ ID "./key" }}')
    (beside / "key").unlink()
    with pytest.raises(ValidationError, match=r"own\.toml: cmdline: .*/key cannot be read"):
        booter(recipe=str(beside / "own.toml"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "Field required"),
        ({"recipe": "debian", "version": "wheezy"}, "there is no version 'wheezy'"),
        ({"recipe": "debian", "architecture": "amd46"}, "did you mean 'amd64'"),
        ({"recipe": "debian", "architecture": "i386"}, "this is not for i386, only for x86_64 and arm64"),
        ({"recipe": "debian", "mirror": "mirror.test/debian"}, "did you mean http://mirror.test/debian"),
        ({"recipe": "flatcar", "mirror": "{version}.test"}, "'{version}.test' is not the http"),
        ({"recipe": "debian", "mirror": "http://mirror.test/{vresion}"}, "did you mean '{version}'"),
        ({"recipe": "debian", "cmdline": '{{ ID "/nonexistent" }}'}, "cannot be read"),
        ({"recipe": "debian", "cmdline": "one\ntwo"}, "single line"),
        ({"recipe": "debian", "colour": "red"}, "Extra inputs"),
    ],
)
def test_mistakes_are_found_at_start(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        QuickSettings.model_validate(settings)


class TestQuickBooter(BooterContract):
    def make_booter(self, folder: Path) -> QuickBooter:
        (folder / "preseed.cfg").write_bytes(b"preseed" * 1000)
        return booter(recipe="debian", cmdline=f'url={{{{ ID "{folder / "preseed.cfg"}" }}}}')


def test_a_bios_machine_counts_as_64_bits_and_a_32_bit_uefi_does_not() -> None:
    assert BIOS.processors == ("x86_64", "i386")
    assert UEFI_IA32.processors == ("i386",)

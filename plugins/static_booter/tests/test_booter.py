"""The static booter, seen through the kit: what machines are offered, what they are told, what they can fetch."""

from __future__ import annotations

from pathlib import Path

import pytest
from pixiecore_static_booter import StaticBooter, StaticSettings
from pydantic import ValidationError

from pixiecore_core import Machine
from pixiecore_core.testing import Netboot


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    (tmp_path / "one.img").write_bytes(b"first")
    (tmp_path / "two.img").write_bytes(b"second")
    (tmp_path / "user data.yml").write_bytes(b"#cloud-config")
    return tmp_path


def netboot(files: Path, **settings: object) -> Netboot:
    given = {"kernel": str(files / "vmlinuz"), **settings}
    return Netboot(StaticBooter(StaticSettings.model_validate(given)))


@pytest.mark.parametrize(("architecture", "name"), [(0, "bios/undionly.kpxe"), (7, "efi-x64/snponly.efi")])
def test_every_firmware_is_offered_its_loader(files: Path, architecture: int, name: str) -> None:
    offer = netboot(files).discover(architecture=architecture)
    assert offer is not None
    assert offer.boot_file == f"52:54:00:12:34:56/{name}"


def test_ipxe_is_offered_the_script(files: Path) -> None:
    offer = netboot(files).discover(ipxe=True)
    assert offer is not None
    assert offer.boot_file.startswith("http://192.0.2.2/_/ipxe/")


def test_the_script_loads_everything_in_order(files: Path) -> None:
    machines = netboot(
        files,
        initrd=[str(files / "one.img"), str(files / "two.img")],
        cmdline=f'quiet seed={{{{ ID "{files / "user data.yml"}" }}}} end',
        message="Welcome",
    )
    lines = machines.script().splitlines()
    assert lines[:2] == ["#!ipxe", "echo Welcome"]
    urls = [line.split()[3] for line in lines if line.startswith(("kernel ", "initrd "))]
    assert [machines.fetch(url) for url in urls] == [b"kernel", b"first", b"second"]
    (boot,) = [line.split() for line in lines if line.startswith("boot ")]
    assert boot[:5] == ["boot", "kernel", "initrd=initrd0", "initrd=initrd1", "quiet"]
    assert boot[6] == "end"
    assert machines.fetch(boot[5].removeprefix("seed=")) == b"#cloud-config"
    assert [fact.kind for fact in machines.facts()] == [
        "script-sent",
        "kernel-sent",
        "initrd-sent",
        "initrd-sent",
        "file-sent",
    ]


def test_urls_are_taken_as_they_are() -> None:
    settings = StaticSettings.model_validate({"kernel": "http://192.0.2.9/vmlinuz", "initrd": ["https://h/i.img"]})
    assert settings.kernel.location == "http://192.0.2.9/vmlinuz"
    assert settings.initrd[0].is_url


def test_relative_paths_are_made_absolute(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    assert StaticSettings.model_validate({"kernel": "vmlinuz"}).kernel.location == str(files / "vmlinuz")


def test_an_efi_program_takes_the_place_of_a_kernel(files: Path) -> None:
    kernel = files / "vmlinuz"
    booter = StaticBooter(StaticSettings.model_validate({"efi": str(kernel), "cmdline": "quiet"}))
    spec = booter.select_boot(Machine(mac="52:54:00:12:34:56"))
    assert (spec.kernel, spec.cmdline) == (None, "quiet")
    assert spec.efi is not None
    assert spec.efi.location == str(kernel)
    for more in ({"kernel": str(kernel)}, {"initrd": [str(kernel)]}):
        with pytest.raises(ValidationError, match="--efi takes the place of --kernel and --initrd"):
            StaticSettings.model_validate({"efi": str(kernel), **more})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kernel": "/nonexistent"}, "cannot be read: No such file"),
        ({"kernel": "."}, "cannot be read: Is a directory"),
        ({"kernel": "ftp://host/vmlinuz"}, "only http and https"),
        ({"kernel": "KERNEL", "initrd": ["/nonexistent"]}, "cannot be read"),
        ({"kernel": "KERNEL", "cmdline": '{{ ID "/nonexistent" }}'}, "cannot be read"),
        ({"kernel": "KERNEL", "cmdline": "{{ ID }}"}, "ID needs a string"),
        ({"kernel": "KERNEL", "cmdline": "one\ntwo"}, "single line"),
        ({"kernel": "KERNEL", "cmdline": '{{ FILE "x" }}'}, "no function 'FILE'"),
        ({}, "Field required"),
        ({"efi": "/nonexistent"}, "cannot be read: No such file"),
        ({"kernel": "KERNEL", "colour": "red"}, "Extra inputs"),
    ],
)
def test_mistakes_are_found_at_start(files: Path, settings: dict[str, object], words: str) -> None:
    if settings.get("kernel") == "KERNEL":
        settings["kernel"] = str(files / "vmlinuz")
    with pytest.raises(ValidationError, match=words):
        StaticSettings.model_validate(settings)


def test_a_folder_that_the_command_line_names_serves_the_files_in_it(files: Path) -> None:
    """As cloud-init's NoCloud wants it."""
    seed = files / "seed dir"
    seed.mkdir()
    (seed / "user-data").write_bytes(b"#cloud-config")
    machines = netboot(files, cmdline=f'ds=nocloud;s={{{{ ID "{seed}/" }}}} end')
    url = machines.script().partition("ds=nocloud;s=")[2].split()[0]
    assert machines.fetch(url + "user-data") == b"#cloud-config"
    with pytest.raises(LookupError, match="404"):
        machines.fetch(url + "../vmlinuz")


@pytest.mark.parametrize("name", ["vmlinuz/", "gone/"])
def test_a_folder_that_is_none_is_refused_at_start(files: Path, name: str) -> None:
    with pytest.raises(ValidationError, match=r"(vmlinuz|gone) is not a folder"):
        netboot(files, cmdline=f'{{{{ ID "{files / name}/" }}}}')

"""``pixiecore select``: who decided what, and what the machine would boot, without a packet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pixiecore_core.cli.machine import architecture_of
from pixiecore_core.firmware.known import KNOWN
from tests.cli.test_policies import kernel, two_policies
from tests.command import failure, pixiecore

__all__ = ["kernel", "two_policies"]  # fixtures

MAC = "52:54:00:12:34:56"


def test_what_a_machine_boots_and_who_said_so(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXIECORE_DISABLE_PLUGIN", "allowlist")
    monkeypatch.setenv("PIXIECORE_ONCE_DATABASE", f"{kernel}.sqlite")
    command = ["select", "--booter", "static", "--kernel", kernel, "--mac", MAC, "--once-enabled"]
    done = pixiecore(
        *command, "--cmdline", f'quiet k={{{{ ID "{kernel}" }}}} done={{{{ DONE }}}}', "--message", "Hello"
    )
    assert done.returncode == 0, done.stderr
    answers = [line.split()[:2] for line in done.stdout.splitlines() if line.startswith("  ")][:4]
    assert answers == [
        ["select_boot", "once"],
        ["select_boot", "static"],
        ["cmdline_functions", "once"],
        ["render_cmdline", "core"],
    ]
    assert f"  kernel   {kernel}\n" in done.stdout
    assert "Command line:\n  quiet k=http://192.0.2.1/_/file?name=… done=http://192.0.2.1/once/done?" in done.stdout
    assert (
        "  #!ipxe\n  echo Hello\n  set step kernel\n  kernel --name kernel http://192.0.2.1/_/file?name=…&type=kernel"
        in done.stdout
    )
    refused = pixiecore(*command, "--once-unknown", "ignore")
    assert refused.returncode == 1
    assert "It does not boot: it is not armed" in refused.stdout
    assert "static booter" not in refused.stdout, "who comes after the first answer is not asked"


def test_a_machine_that_goes_to_its_disk(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(f"machines:\n  - {{name: a, mac: '{MAC}', local: true}}\n")
    command = ["select", "--booter", "inventory", "--folder", str(tmp_path), "--mac", MAC, "--platform", "bios"]
    command += ["--arch", "i386", "--ipxe"]
    done = pixiecore(*command)
    assert done.returncode == 1, done.stderr
    assert "start its disk: 'a' says local" in done.stdout
    assert "\nIt goes to its disk: 'a' says local\n\nScript:\n  #!ipxe\n" in done.stdout
    told = json.loads(pixiecore(*command, "--json").stdout)
    assert (told["outcome"], told["reason"], told["kernel"]) == ("local", "'a' says local", None)
    assert "sanboot --no-describe --drive 0x80 || goto failed" in told["script"]


@pytest.mark.usefixtures("two_policies")
def test_policies_and_their_settings_count(kernel: str) -> None:
    done = pixiecore("select", "--booter", "static", "--kernel", kernel, "--mac", MAC, "--zebra-word", "no")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["select_boot", "aardvark", "policy", "no", "opinion"]
    assert lines[2].split() == ["select_boot", "allowlist", "policy", "no", "opinion"]
    assert "ignore it: zebra says no" in lines[3]
    command = ["select", "--booter", "static", "--kernel", kernel, "--mac", MAC]
    done = pixiecore(*command, "--plugin-order", "zebra", "--hook-timeout", "3", "--zebra-word", "no")
    assert done.returncode == 1
    assert "zebra says no" in done.stdout.splitlines()[1]
    assert "--hook-timeout: " in failure(pixiecore(*command, "--hook-timeout", "0"), 2)


def test_mistakes_are_named(kernel: str) -> None:
    command = ["select", "--booter", "static", "--kernel", kernel]
    assert "Missing option '--mac'" in failure(pixiecore(*command), 2)
    assert "--mac: 'x' is not a MAC address" in failure(pixiecore(*command, "--mac", "x"), 2)
    assert "--arch: there is no 'vax' with platform 'efi'; there are i386, x86_64, arm32, arm64, riscv32" in failure(
        pixiecore(*command, "--mac", MAC, "--arch", "vax"), 2
    )
    for number in ("65536", "9" * 5000):
        assert "a number from 0 to 65535" in failure(pixiecore(*command, "--mac", MAC, "--arch", number), 2)
    message = failure(pixiecore(*command, "--mac", MAC, "--arch", "aarch64", "--platform", "bios"), 2)
    assert message == "Error: --arch: there is no 'aarch64' with platform 'bios'; there are i386, x86_64\n"
    message = failure(pixiecore(*command, "--mac", MAC, "--platform", "open firmware"), 2)
    assert message == "Error: --platform: there is no 'open firmware'; there are efi, bios, u-boot and pi\n"
    assert "--subnet: " in failure(pixiecore(*command, "--mac", MAC, "--subnet", "here"), 2)
    assert "installed: api, inventory, quick, static" in failure(pixiecore("select", "--mac", MAC), 2)


@pytest.mark.parametrize(
    ("arch", "platform", "described"),
    [
        ("amd64", "efi", "UEFI x86_64"),
        ("x86_64", "UEFI", "UEFI x86_64"),
        ("aarch64", "efi", "UEFI arm64"),
        ("ARM64", "efi", "UEFI arm64"),
        ("x86", "efi", "UEFI i386"),
        ("amd64", "bios", "BIOS i386"),
        ("i386", "pcbios", "BIOS i386"),
        ("aarch64", "u-boot", "U-Boot arm64"),
        ("arm64", "pi", "Raspberry Pi arm64"),
        ("16", "efi", "UEFI x86_64 HTTP Boot"),
        ("999", "efi", "unknown architecture 999"),
    ],
)
def test_processors_and_firmware_are_spelled_in_several_ways(arch: str, platform: str, described: str) -> None:
    assert str(architecture_of(arch.lower(), platform.lower(), KNOWN)) == described


def test_an_interface_can_be_matched(tmp_path: Path) -> None:
    inventory = "profiles: {x: {kernel: http://h/k}}\ngroups: [{match: {interface: lab0}, profile: x}]\n"
    (tmp_path / "inventory.yaml").write_text(inventory + "default: ignore\n")
    command = ["select", "--booter", "inventory", "--folder", str(tmp_path), "--mac", MAC, "--arch", "amd64"]
    done = pixiecore(*command, "--interface", "lab0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "  kernel   http://h/k\n" in done.stdout
    assert pixiecore(*command).returncode == 1


def test_passwords_are_not_shown() -> None:
    mirror = "http://user:s3cret@mirror.test/fedora"
    done = pixiecore(
        *("select", "--booter", "quick", "--recipe", "fedora", "--mirror", mirror, "--mac", MAC),
        *("--cmdline", 'ks={{ ID "http://u:s3cret@h/ks" }} a=http://u:s3cret@h,http://u:s3cret@h/x'),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert "  kernel   http://user:…@mirror.test/fedora/releases/" in done.stdout
    assert "Command line:\n  inst.repo=http://user:…@mirror.test/fedora/releases/" in done.stdout


def test_nothing_is_listened_on_or_created(kernel: str, tmp_path: Path) -> None:
    done = pixiecore(
        "select", "--booter", "static", "--kernel", kernel, "--mac", MAC, XDG_CACHE_HOME=str(tmp_path / "c")
    )
    assert done.returncode == 0
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("machine", "why"),
    [
        (("--arch", "riscv32"), "no boot file exists for UEFI riscv32"),
        (("--arch", "24"), "no boot file exists for U-Boot arm64 HTTP Boot"),
        (
            ("--arch", "arm64", "--platform", "pi"),
            "its ROM fetches firmware, and there is none for Raspberry Pis here: --pi-firmware",
        ),
        (("--arch", "999"), "no boot file exists for unknown architecture 999"),
    ],
)
def test_firmware_that_nothing_boots_does_not_boot_here_either(kernel: str, machine: tuple[str, ...], why: str) -> None:
    """It said "It boots" where the server ignores the machine."""
    command = ["select", "--booter", "static", "--kernel", kernel, "--mac", MAC, *machine]
    done = pixiecore(*command)
    assert done.returncode == 1
    assert f"It does not boot: {why}" in done.stdout
    assert pixiecore(*command, "--ipxe").returncode == 0, "an iPXE of its own needs no boot file"


def test_u_boot_is_shown_its_own_configuration(kernel: str) -> None:
    machine = ["--mac", MAC, "--arch", "arm64", "--platform", "u-boot"]
    done = pixiecore("select", "--booter", "static", "--kernel", kernel, "--cmdline", "quiet", *machine)
    assert done.returncode == 0
    assert "label pixiecore\n  kernel kernel.last\n  append quiet" in done.stdout


@pytest.mark.parametrize(
    ("given", "line"), [(["--syslog", "514"], "quiet log_host=192.0.2.1 log_port=514"), ([], "quiet")]
)
def test_where_syslog_is_taken(kernel: str, given: list[str], line: str) -> None:
    cmdline = 'quiet {{ SYSLOG "log_host=HOST log_port=PORT" }}'
    command = ("select", "--booter", "static", "--kernel", kernel, "--cmdline", cmdline, "--mac", MAC, "--json", *given)
    assert json.loads(pixiecore(*command).stdout)["cmdline"] == line

"""``pixiecore inventory render``: what a server would send, without one."""

from __future__ import annotations

from pathlib import Path

import pytest
from pixiecore_inventory_booter.loading import load
from pixiecore_inventory_booter.rendering import rendered

from pixiecore_core import Machine
from pixiecore_core.testing import Netboot
from tests.command import Done, failure, pixiecore

from .inventories import MAC, OTHER, booter, edit, standard, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return standard(tmp_path)


def render(folder: Path, *arguments: str, mac: str = MAC) -> Done:
    return pixiecore("inventory", "render", "--folder", str(folder), "--mac", mac, *arguments)


def test_it_is_what_the_machine_fetches(folder: Path) -> None:
    machines = Netboot(booter(folder))
    seed = machines.script().partition("ds=nocloud;s=")[2].split()[0]
    for name in ("user-data", "meta-data", "vendor-data"):
        done = render(folder, name)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.encode() == machines.fetch(seed + name)
    machines.close()


def test_the_folder_may_be_the_current_one_or_come_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    command = ("inventory", "render", "--mac", MAC, "user-data")
    said = pixiecore(*command).stdout
    assert "fqdn: node1.example.net\n" in said
    monkeypatch.chdir("/")
    assert pixiecore(*command, PIXIECORE_INVENTORY_FOLDER=str(folder)).stdout == said


def test_what_is_known_of_the_machine_decides(folder: Path) -> None:
    more = """
        profiles:
          other: {kernel: vmlinuz, files: {facts: {text: "{{ arch }} {{ firmware }} {{ uuid }} {{ product }}"}}}
        groups:
          - {match: {arch: arm64}, profile: other}
          - {match: {firmware: bios, subnet: 198.51.100.0/24}, profile: other}
          - {match: {interface: lab*}, profile: other}
          - {match: {hostname: db*, manufacturer: Dell*}, profile: other}
          - {match: {uuid: 00112233-4455-6677-8899-aabbccddeeff}, profile: other}
    """
    write(folder, {"a.yaml": more})
    nowhere = ("--interface", "eth0")
    uuid = "00112233-4455-6677-8899-aabbccddeeff"
    for options, facts in (
        (("--arch", "aarch64"), "arm64 uefi  "),
        (("--platform", "bios", "--relay", "198.51.100.7"), "x86_64 bios  "),
        (("--interface", "lab0", "--product", "P 1"), "x86_64 uefi  P 1"),
        ((*nowhere, "--hostname", "db1", "--manufacturer", "Dell Inc."), "x86_64 uefi  "),
        ((*nowhere, "--uuid", uuid), f"x86_64 uefi {uuid} "),
    ):
        done = render(folder, *options, "facts", mac=OTHER)
        assert (done.returncode, done.stdout) == (0, facts), done.stderr


def test_a_machine_may_be_known_by_its_serial_number(folder: Path) -> None:
    edit(folder, "ip: 192.0.2.22}", "ip: 192.0.2.22}\n    labels: {rack: a8}")
    assert "ip: 192.0.2.22\n" in render(folder, "--serial", "0012", "user-data", mac=OTHER).stdout


def test_files_that_are_no_templates(folder: Path) -> None:
    edit(
        folder,
        "user-data: t",
        "raw: {path: raw, template: false}\n      tool: http://mirror.example/t#sha256="
        + "0" * 64
        + "\n      links: {text: \"{{ url('user-data') }} {{ url('tool') }}\"}\n      user-data: t",
    )
    (folder / "raw").write_text("{{ x }}")
    assert render(folder, "raw").stdout == "{{ x }}"
    assert render(folder, "links").stdout == "http://192.0.2.1/_/file/user-data http://192.0.2.1/_/file/t"
    message = failure(render(folder, "tool"), 1)
    assert message == "Error: it is not made here, but fetched from http://mirror.example/t\n"
    inventory = load(str(folder)).inventory
    (folder / "raw").unlink()
    with pytest.raises(Exception, match=r"node1: .*raw cannot be read: No such file or directory"):
        rendered(inventory, Machine(mac=MAC, address="192.0.2.9"), "raw", str(folder))


def test_a_machine_that_gets_no_such_file_is_told_why(folder: Path) -> None:
    message = failure(render(folder, "user-dat"), 1)
    assert message == "Error: node1 boots profile 'debian': there is no file 'user-dat'; did you mean 'user-data'?\n"
    message = failure(render(folder, "preseed"), 1)
    assert message.endswith("there is no file 'preseed'; known are meta-data, user-data, vendor-data\n")
    message = failure(render(folder, "user-data", mac=OTHER), 1)
    assert message == f"Error: {OTHER} boots nothing: no group matches it, and there is no default\n"
    write(folder, {"a.yaml": "groups: [{match: {interface: lab0}, profile: debian, vars: {ip: x}}]"})
    message = failure(render(folder, "user-data", mac=OTHER), 1)
    assert message.endswith("boots depends on the interface that it asks on; say which with --interface\n")
    message = failure(render(folder, "user-data", "--interface", "lab0", "--serial", "x" * 300, mac=OTHER), 1)
    assert message == f"Error: {OTHER} boots nothing: its serial has over 255 characters\n"


def test_a_template_that_only_fails_for_this_machine(folder: Path) -> None:
    write(folder, {"templates/user-data": "{{ {'Sample': 1}[product] }}"})
    message = failure(render(folder, "user-data", "--product", "Other"), 1)
    assert message.startswith("Error: node1: user-data cannot be rendered: templates/user-data line 1: ")


def test_an_inventory_that_cannot_be_used(folder: Path) -> None:
    edit(folder, "profile: debian", "profile: debain")
    message = failure(render(folder, "user-data"), 1)
    assert "groups[0].profile: there is no profile 'debain'" in message
    assert message.endswith("1 problem: it cannot be used\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mac", "x"), "--mac: 'x' is not a MAC address"),
        (("--uuid", "x"), "--uuid: "),
        (("--subnet", "x"), "--subnet: "),
        (("--arch", "vax"), "--arch: there is no architecture 'vax'; known are x86_64, i386, arm64"),
        (("--arch", "x86_46"), "--arch: there is no architecture 'x86_46'; did you mean 'x86_64'?"),
        (("--arch", "arm64", "--platform", "bios"), "--arch: a BIOS machine is i386 or x86_64, not arm64"),
        (("--platform", "ueif"), "--platform: there is no firmware 'ueif'; did you mean 'uefi'?"),
        (("--platform", "forth"), "--platform: there is no firmware 'forth'; known are efi, bios"),
        (("--folder", "/nonexistent"), "--folder: /nonexistent is not a folder"),
    ],
)
def test_mistakes_are_named(folder: Path, options: tuple[str, ...], message: str) -> None:
    assert message in failure(render(folder, "user-data", *options), 2)


def test_the_machine_must_be_named() -> None:
    assert "Missing option '--mac'" in failure(pixiecore("inventory", "render", "user-data"), 2)

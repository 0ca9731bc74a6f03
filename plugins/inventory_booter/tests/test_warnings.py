"""What can be used but is hardly meant: groups for no machine, empty kernels, JSON and YAML that do not parse."""

from __future__ import annotations

from pathlib import Path

import pytest
from pixiecore_inventory_booter.loading import load
from pixiecore_inventory_booter.syntax import complaint

from .inventories import edit, standard, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return standard(tmp_path)


def warnings(folder: Path) -> list[str]:
    return [str(warning) for warning in load(str(folder)).warnings]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("{rak: a7}", "none has a label 'rak'; did you mean 'rack'?"),
        ("{role: db}", "none has a label 'role'; known are rack"),
        ("{rack: b*}", "none has 'b*' as its label 'rack'; known are a7"),
        ("{rack: [b*, a77]}", "none has 'b*' or 'a77' as its label 'rack'; did you mean 'a7'?"),
    ],
)
def test_a_group_whose_labels_nobody_has(folder: Path, labels: str, message: str) -> None:
    edit(folder, "match: {label: {rack: a*}}", f"match: {{label: {labels}}}")
    before = "inventory.yaml line 25, groups[0].match.label: it matches no machine: "
    assert warnings(folder) == [before + message]


def test_a_group_whose_labels_no_machine_has_all_of(folder: Path) -> None:
    edit(folder, "    serial: 0012", "    serial: 0012\n    labels: {role: db}")
    edit(folder, "{label: {rack: a*}}", "{label: {rack: a*, role: db}}")
    (warning,) = warnings(folder)
    assert warning.endswith("each of these labels is on some machine, but all of them on none")


def test_a_group_for_labels_where_there_are_none(folder: Path) -> None:
    edit(folder, "    labels: {rack: a7}\n", "")
    (warning,) = warnings(folder)
    assert warning.endswith("none has a label 'rack'; known are none")


@pytest.mark.parametrize(("name", "place"), [("vmlinuz", "kernel"), ("initrd.img", "initrd[0]")])
def test_an_empty_kernel_or_initrd(folder: Path, name: str, place: str) -> None:
    (folder / name).write_bytes(b"")
    (warning,) = warnings(folder)
    assert warning.endswith(f"profiles.debian.{place}: {name} is an empty file")


def test_an_empty_kernel_of_one_machine(folder: Path) -> None:
    edit(folder, "kernel: vmlinuz", "kernel: '{{ hostname }}.efi'")
    (folder / "node1.efi").write_bytes(b"")
    assert warnings(folder) == [
        "inventory.yaml line 16, machines[0]: profile 'debian': node1.efi is an empty file",
    ]


def test_rendered_files_that_do_not_parse(folder: Path) -> None:
    write(folder, {"templates/user-data": "#cloud-config\nfqdn: [{{ hostname }}\n"})
    edit(folder, "user-data: t", "config.ign: {text: '{\"name\": {{ hostname }}}'}\n      user-data: t")
    before = "inventory.yaml line 17, machines[0]: profile 'debian': the file "
    assert warnings(folder) == [
        f"{before}config.ign is not JSON: Expecting value, line 1 of what is rendered",
        f"{before}user-data is not YAML: did not find expected ',' or ']', line 3 of what is rendered",
    ]
    edit(folder, "{{ hostname }}}'", "{{ hostname | tojson }}}'")
    write(folder, {"templates/user-data": "#cloud-config\nfqdn: [{{ hostname }}]\n"})
    assert warnings(folder) == []


@pytest.mark.parametrize(
    ("name", "text", "complains"),
    [
        ("x.json", "{", True),
        ("x.json", "[" * 100_000, True),
        ("x.json", "9" * 5000, True),
        ("seed/config.ign", "{}", False),
        ("x.yaml", "a: b: c", True),
        ("x.yml", "--- !vault a\n--- b\n", False),
        ("seed/network-config", "version: 2\n  x: 1", True),
        ("user-data", "#!/bin/sh\na: b: c", False),
        ("user-data", "#cloud-config\na: b: c", True),
        ("user-data", "#cloud-config\n\ta: b", True),
        ("preseed.cfg", "a: b: c {", False),
        ("x.yaml", "", False),
    ],
)
def test_what_is_looked_at(name: str, text: str, complains: bool) -> None:
    assert bool(complaint(name, text)) == complains

"""`pixiecore boot` and `pixiecore quick`, as the users of the Go Pixiecore type it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import pixiecore
from tests.processes import HIGH_PORTS


def test_options_of_the_go_tool_without_a_meaning_are_taken_and_not_shown() -> None:
    done = pixiecore("boot", "/nonexistent", "--status-port", "0", "--ui-assets-dir=/usr/share/ui", *HIGH_PORTS)
    assert done.returncode == 2
    assert done.stderr == "Error: KERNEL: /nonexistent cannot be read: No such file or directory\n"
    text = pixiecore("boot", "--help").stdout
    assert "status-port" not in text
    assert "ui-assets-dir" not in text


@pytest.mark.parametrize("arguments", [["K", "--initrd", "I"], ["--kernel", "K", "--initrd=I"], ["--initrd", "I"]])
def test_initrds_stand_behind_the_kernel(arguments: list[str]) -> None:
    done = pixiecore("boot", *arguments)
    assert done.returncode == 2
    assert "the initrds stand behind it: pixiecore boot KERNEL [INITRD...]" in done.stderr
    assert "Missing argument" not in done.stderr


def test_quick_lists_the_recipes() -> None:
    done = pixiecore("quick")
    assert done.returncode == 0
    assert done.stderr == ""
    assert pixiecore("quick", "--list").stdout == done.stdout
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("debian ")]
    assert "stable oldstable testing" in row
    assert "x86_64 arm64" in row
    assert len(pixiecore("quick", "debian", "--list").stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["debain"], "Error: RECIPE: there is no recipe 'debain'; did you mean 'debian'?"),
        (["coreos"], "Error: RECIPE: there is no recipe 'coreos': its site is gone; see flatcar"),
        (["debian", "trxie"], "Error: VERSION: there is no version 'trxie'; known are stable, "),
        (["debian", "--arch", "i386"], "Error: --arch: this is not for i386, only for x86_64 and arm64"),
        (["debian", "--mirror", "x"], "Error: --mirror: 'x' is not the http(s) URL of a folder"),
        (["debian", "--cmdline", "{{ ID }}"], "Error: --cmdline: ID needs a string"),
        (["./nonexistent.toml"], "Error: RECIPE: "),
    ],
)
def test_mistakes_name_what_was_typed(arguments: list[str], message: str) -> None:
    done = pixiecore("quick", *arguments, *HIGH_PORTS)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stdout == ""


def test_a_recipe_whose_kernel_is_missing_is_named(tmp_path: Path) -> None:
    recipe = tmp_path / "ours.toml"
    recipe.write_text('description = "x"\nversions = ["1"]\narchitectures = {amd64 = "x"}\nkernel = "/nonexistent/k"\n')
    done = pixiecore("quick", str(recipe), *HIGH_PORTS)
    assert done.returncode == 2
    where = f"{recipe}: kernel: /nonexistent/k cannot be read: No such file or directory\n"
    assert done.stderr == f"Error: RECIPE: {where}"
    done = pixiecore("quick", *HIGH_PORTS, PIXIECORE_QUICK_RECIPE=str(recipe))
    assert done.stderr == f"Error: PIXIECORE_QUICK_RECIPE: {where}"


def test_nesting_without_end_is_a_mistake_like_others(tmp_path: Path) -> None:
    recipe = tmp_path / "ours.toml"
    recipe.write_text("x = " + "[" * 3000)
    done = pixiecore("quick", str(recipe), *HIGH_PORTS)
    assert (done.returncode, done.stderr) == (2, f"Error: RECIPE: {recipe}: its brackets are nested too deeply\n")


def test_listing_a_recipe_that_is_not_there() -> None:
    done = pixiecore("quick", "debain", "--list")
    assert done.returncode == 2
    assert "RECIPE: there is no recipe 'debain'; did you mean 'debian'?" in done.stderr


def test_the_recipe_may_stand_in_the_file_or_the_environment(tmp_path: Path) -> None:
    config = tmp_path / "pixiecore.toml"
    config.write_text('[booter.quick]\nrecipe = "debian"\nversion = "buster"\n')
    done = pixiecore("quick", "--config", str(config), *HIGH_PORTS)
    assert "[booter.quick] version: there is no version 'buster'" in done.stderr
    done = pixiecore("quick", *HIGH_PORTS, PIXIECORE_QUICK_RECIPE="x")
    assert "PIXIECORE_QUICK_RECIPE: there is no recipe 'x'" in done.stderr


def test_select_says_what_a_machine_would_boot() -> None:
    machine = ["--mac", "52:54:00:12:34:56", "--arch", "arm64", "--ipxe"]
    fedora = ["--booter", "quick", "--recipe", "fedora", "--mirror", "http://mirror.test/fedora"]
    done = pixiecore("select", *fedora, *machine)
    assert done.returncode == 0, done.stdout + done.stderr
    tree = "http://mirror.test/fedora/releases/44/Everything/aarch64/os"
    assert f"kernel   {tree}/images/pxeboot/vmlinuz" in done.stdout
    assert f"Command line:\n  inst.repo={tree}\n" in done.stdout

"""`pixiecore boot` and `pixiecore quick`, as the users of the Go Pixiecore type it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def boot(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "pixiecore_core", "boot", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_options_of_the_go_tool_without_a_meaning_are_taken_and_not_shown() -> None:
    high_ports = ("--dhcp", "0", "--pxe", "0", "--tftp", "0", "--http", "0")
    done = boot("/nonexistent", "--status-port", "0", "--ui-assets-dir=/usr/share/ui", *high_ports)
    assert done.returncode == 2
    assert done.stderr == "Error: KERNEL: /nonexistent cannot be read: No such file or directory\n"
    text = boot("--help").stdout
    assert "status-port" not in text
    assert "ui-assets-dir" not in text


def quick(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "pixiecore_core", "quick", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=False, env={**os.environ, **environment}
    )


def test_quick_lists_the_recipes() -> None:
    done = quick()
    assert done.returncode == 0
    assert done.stderr == ""
    assert quick("--list").stdout == done.stdout
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("debian ")]
    assert "stable oldstable testing" in row
    assert "x86_64 arm64" in row
    assert len(quick("debian", "--list").stdout.splitlines()) == 2


HIGH_PORTS = ("--dhcp", "0", "--pxe", "0", "--tftp", "0", "--http", "0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["debain"], "Error: RECIPE: there is no recipe 'debain'; did you mean 'debian'?"),
        (["debian", "trxie"], "Error: VERSION: there is no version 'trxie'; known are stable, "),
        (["debian", "--arch", "i386"], "Error: --arch: this is not for i386, only for x86_64 and arm64"),
        (["debian", "--mirror", "x"], "Error: --mirror: 'x' is not the http(s) URL of a folder"),
        (["debian", "--cmdline", "{{ ID }}"], "Error: --cmdline: ID needs a string"),
        (["./nonexistent.toml"], "Error: RECIPE: "),
    ],
)
def test_mistakes_name_what_was_typed(arguments: list[str], message: str) -> None:
    done = quick(*arguments, *HIGH_PORTS)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stdout == ""


def test_a_recipe_whose_kernel_is_missing_is_named(tmp_path: Path) -> None:
    recipe = tmp_path / "ours.toml"
    recipe.write_text('description = "x"\nversions = ["1"]\narchitectures = {amd64 = "x"}\nkernel = "/nonexistent/k"\n')
    done = quick(str(recipe), *HIGH_PORTS)
    assert done.returncode == 2
    where = f"{recipe}: kernel: /nonexistent/k cannot be read: No such file or directory\n"
    assert done.stderr == f"Error: RECIPE: {where}"
    assert quick(*HIGH_PORTS, PIXIECORE_QUICK_RECIPE=str(recipe)).stderr == f"Error: PIXIECORE_QUICK_RECIPE: {where}"


def test_nesting_without_end_is_a_mistake_like_others(tmp_path: Path) -> None:
    recipe = tmp_path / "ours.toml"
    recipe.write_text("x = " + "[" * 3000)
    done = quick(str(recipe), *HIGH_PORTS)
    assert (done.returncode, done.stderr) == (2, f"Error: RECIPE: {recipe}: its brackets are nested too deeply\n")


def test_listing_a_recipe_that_is_not_there() -> None:
    done = quick("debain", "--list")
    assert done.returncode == 2
    assert "RECIPE: there is no recipe 'debain'; did you mean 'debian'?" in done.stderr


def test_the_recipe_may_stand_in_the_file_or_the_environment(tmp_path: Path) -> None:
    config = tmp_path / "pixiecore.toml"
    config.write_text('[booter.quick]\nrecipe = "debian"\nversion = "buster"\n')
    assert "[booter.quick] version: there is no version 'buster'" in quick("--config", str(config), *HIGH_PORTS).stderr
    assert "PIXIECORE_QUICK_RECIPE: there is no recipe 'x'" in quick(*HIGH_PORTS, PIXIECORE_QUICK_RECIPE="x").stderr


def test_select_says_what_a_machine_would_boot() -> None:
    command = [sys.executable, "-m", "pixiecore_core", "select", "--booter", "quick", "--recipe", "fedora"]
    done = subprocess.run(
        [*command, "--mac", "52:54:00:12:34:56", "--arch", "arm64", "--ipxe", "--mirror", "http://mirror.test/fedora"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tree = "http://mirror.test/fedora/releases/44/Everything/aarch64/os"
    assert f"kernel   {tree}/images/pxeboot/vmlinuz" in done.stdout
    assert f"Command line:\n  inst.repo={tree}\n" in done.stdout

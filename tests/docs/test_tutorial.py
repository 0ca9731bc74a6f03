"""The plugin tutorial's own text: its plugins, their tests and what it says happens when one is broken."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.command import pixiecore

from .pages import ROOT, blocks, files, install

PAGE = ROOT / "docs" / "tutorial" / "first-plugin.md"
SETTING, BREAK = "## Give it a setting", "## Break it"
FIRST = files(PAGE, until=SETTING)
SECOND = FIRST | files(PAGE, after=SETTING, until=BREAK)
VERSIONS = pytest.mark.parametrize("version", [FIRST, SECOND], ids=["first", "with a setting"])
SHOWN = "".join(block.text for block in blocks(PAGE) if block.language == "text")


def write(version: dict[str, str], folder: Path) -> None:
    for name, text in version.items():
        (folder / name).write_text(text, encoding="utf-8")


def run(folder: Path, *arguments: str) -> str:
    """What a command says, on both its outputs."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    return done.stdout + done.stderr


def test_the_page_gives_every_file_whole() -> None:
    assert set(FIRST) == {"pyproject.toml", "vendor_policy.py", "test_vendor_policy.py"}
    assert set(files(PAGE, after=SETTING)) == {"vendor_policy.py", "test_vendor_policy.py"}


@VERSIONS
def test_it_is_about_thirty_lines(version: dict[str, str]) -> None:
    assert len(version["vendor_policy.py"].splitlines()) <= 35


@VERSIONS
def test_the_plugin_passes_its_own_test(tmp_path: Path, version: dict[str, str]) -> None:
    write(version, tmp_path)
    said = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider")
    passed = re.search(r"^(\d+) passed", said, re.MULTILINE)
    assert passed is not None, said
    if version is FIRST:
        assert f"\n{passed[0]}\n" in f"\n{SHOWN}"


def test_the_entry_point_names_the_module() -> None:
    project = tomllib.loads(FIRST["pyproject.toml"])
    assert project["project"]["entry-points"]["pixiecore"] == {"vendor": "vendor_policy"}
    assert project["tool"]["setuptools"]["py-modules"] == ["vendor_policy"]


def command(folder: Path, *arguments: str) -> str:
    """What a pixiecore command says, on both its outputs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = pixiecore(*arguments, PYTHONPATH=str(folder))
    return done.stdout + done.stderr


def test_what_the_commands_say(tmp_path: Path) -> None:
    """Each line that the page shows, up to a part that is left out, is said by the installed plugin."""
    for number, version in enumerate((FIRST, SECOND)):
        folder = tmp_path / str(number)
        folder.mkdir()
        install(version, folder)
        (folder / "vmlinuz").touch()
        asked = ["select", "--booter", "static", "--kernel", "./vmlinuz", "--mac", "00:11:22:33:44:55"]
        said = command(folder, "plugins")
        said += command(folder, *asked, *(["--vendor-prefix", "52:54:00"] if number else []))
        part = PAGE.read_text(encoding="utf-8").split(SETTING)[number].split(BREAK)[0]
        for block in re.findall(r"^```text\n(.*?)^```", part, re.MULTILINE | re.DOTALL):
            for line in filter(None, block.splitlines()):
                # Other plugins that are installed here are in that list too.
                if not line.startswith(("Asked in this order", "9 passed")):
                    assert line in said
    assert "--vendor-prefix" in command(tmp_path / "1", "boot", "--help")


BODY = "        if not request.machine.mac.startswith(self.prefix):\n"
NETBOOT = """\
from vendor_policy import VendorPolicy
from pixiecore_core.testing import FixedBooter, Netboot
from pixiecore_core.plugins import manager
server = Netboot(FixedBooter(), VendorPolicy(VendorPolicy.Settings()))
assert server.discover() is None
print(server.log)
"""


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("def on_pxe_request", "def on_pxe_reqest", r"Error: .*there is no hook 'on_pxe_reqest'.*"),
        ('">=0.2,<0.3"', '">=0.3,<0.4"', r"Error: plugin 'vendor' of .*"),
    ],
    ids=["a misspelt hook", "for another core"],
)
def test_what_refuses_to_start(tmp_path: Path, old: str, new: str, shown: str) -> None:
    broken = {name: text.replace(old, new).replace(old.strip('"'), new.strip('"')) for name, text in SECOND.items()}
    install(broken, tmp_path)
    (tmp_path / "vmlinuz").touch()
    said = command(tmp_path, "boot", "./vmlinuz", *HIGH_PORTS)
    on_page = re.search(rf"^{shown}$", SHOWN, re.MULTILINE)
    assert on_page is not None
    assert on_page[0].rstrip("…") in said


HIGH_PORTS = ("--dhcp", "off", "--pxe", "off", "--tftp", "off", "--http", "0")


@pytest.mark.parametrize("line", ['raise RuntimeError("out of order")', "gevent.sleep(60)", 'return "no"'])
def test_what_a_broken_plugin_costs(tmp_path: Path, line: str) -> None:
    """gevent.sleep is what time.sleep is in the pixiecore command."""
    text = SECOND["vendor_policy.py"].replace(BODY, f"        {line}\n{BODY}")
    write({"vendor_policy.py": f"import gevent\n{text}", "ask.py": NETBOOT}, tmp_path)
    said = run(tmp_path, "ask")
    (logged,) = [entry for entry in said.splitlines() if entry.startswith("[Plugin] error:")]
    # The kit knows the policy by its class's name alone; it is elsewhere, and a line further down.
    words, _, place = logged.replace("plugin 'vendor'", "plugin 'vendor policy'").partition(f" ({tmp_path}/")
    assert re.fullmatch(r"vendor_policy.py, line \d+\)", place)
    shown = [entry for entry in SHOWN.splitlines() if entry.startswith(words)]
    assert len(shown) == 1
    assert re.fullmatch(r" \(/…/vendor_policy.py, line \d+\)", shown[0].removeprefix(words))

"""docs/how-to/after-the-kernel.md: its table of steps is the program's, and its templates make what they promise."""

from __future__ import annotations

import json
import re
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest
import yaml
from pixiecore_inventory_booter.templates import Templates

from pixiecore_core.engine.milestones import MILESTONES

PAGE = Path("docs/how-to/after-the-kernel.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\w*\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
URL = "http://192.0.2.2/_/report?mac=52%3A54%3A00%3A12%3A34%3A56&name=a_b-c&step="


def rendered(word: str) -> str:
    """The block with this word in it, as a machine gets it."""
    (block,) = [block for block in BLOCKS if word in block]
    return Templates("/").compile_text(block).render({}, {"report": lambda step: URL + step})


def test_its_steps_are_those_of_the_table() -> None:
    for row in MILESTONES:
        assert f"`{row.step}`" in PAGE


def test_the_unit_fetches_the_url() -> None:
    (unit,) = json.loads(rendered("ignition"))["systemd"]["units"]
    read = RawConfigParser(strict=True)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(unit["contents"])
    assert read["Service"]["ExecStart"].replace("%%", "%") == f'/usr/bin/curl -fsS -o /dev/null "{URL}up"'
    assert read["Install"]["WantedBy"] == "multi-user.target"


def test_the_cloud_config_fetches_the_url() -> None:
    (command,) = yaml.safe_load(rendered("#cloud-config"))["runcmd"]
    assert command == ["curl", "-fsS", "-o", "/dev/null", URL + "configured"]


@pytest.mark.parametrize("installer", ["preseed", "kickstart", "cloud-init", "AutoYaST"])
def test_the_lines_find_the_url_on_the_command_line(installer: str, tmp_path: Path) -> None:
    (line,) = re.findall(rf"^\| {installer}[^|]* \| `(.*)` \|$", PAGE, re.MULTILINE)
    if installer == "cloud-init":
        ((_, _, line),) = yaml.safe_load(line)["runcmd"]
    (tmp_path / "cmdline").write_text(f"BOOT_IMAGE=x auto=true report={URL}installed console=ttyS0\n")
    script = line.removeprefix("d-i preseed/late_command string ").replace("/proc/cmdline", str(tmp_path / "cmdline"))
    shown = 'curl() { echo "$@"; }; wget() { echo "$@"; }; ' + script
    done = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == f"{URL}installed"

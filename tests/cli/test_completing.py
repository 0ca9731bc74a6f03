"""What a shell is told when somebody presses the tabulator."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import pixiecore

_RUN = "import sys; sys.argv[0] = 'pixiecore'; from pixiecore_core.__main__ import main; main()"


def completed(words: str, **environment: str) -> list[str]:
    """The completions of the last word."""
    return [line.partition(",")[2] for line in completed_lines(words, **environment)]


def completed_lines(words: str, **environment: str) -> list[str]:
    """The same, each with its kind."""
    typed = {"_PIXIECORE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-c", _RUN],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | typed | environment,
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("pixiecore s", ["select", "simulate", "status"]),
        ("pixiecore run --booter ", ["api", "inventory", "quick", "static"]),
        ("pixiecore run --booter static --ker", ["--kernel"]),
        ("pixiecore quick de", ["debian"]),
        ("pixiecore select --arch arm", ["arm64", "arm32"]),
        ("pixiecore select --platform u-", ["u-boot"]),
    ],
)
def test_names(words: str, found: list[str]) -> None:
    assert completed(words) == found


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("pixiecore boot ./vm", "file"),
        ("pixiecore boot ./vmlinuz ./in", "file"),
        ("pixiecore run --booter static --kernel ./vm", "file"),
        ("pixiecore run --config ./pi", "file"),
        ("pixiecore run --cache-dir ./", "dir"),
        ("pixiecore inventory check ./", "dir"),
    ],
)
def test_paths_are_the_shells_own_affair(words: str, kind: str) -> None:
    assert completed_lines(words) == [f"{kind},{words.split()[-1]}"]


@pytest.mark.parametrize("plugin", [("once", "arm"), ("allowlist", "approve")])
def test_machines(tmp_path: Path, plugin: tuple[str, str]) -> None:
    group, command = plugin
    known = {"XDG_STATE_HOME": str(tmp_path)}
    assert completed(f"pixiecore {group} {command} ", **known) == []
    assert not any(tmp_path.iterdir()), "asking makes no database"
    assert pixiecore(group, command, "52:54:00:12:34:56", **known).returncode == 0
    assert completed(f"pixiecore {group} {command} ", **known) == ["52:54:00:12:34:56"]

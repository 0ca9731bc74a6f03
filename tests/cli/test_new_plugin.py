"""``pixiecore new-plugin``: what it writes passes its own tests and can be installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.cli.test_cli import failure, pixiecore


def test_what_it_writes_passes_its_own_tests(tmp_path: Path) -> None:
    done = pixiecore("new-plugin", "rack-policy", "--in", str(tmp_path))
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "pixiecore-rack-policy"
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    tested = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == "pixiecore-rack-policy"
    assert project["entry-points"]["pixiecore"] == {"rack-policy": "pixiecore_rack_policy"}
    assert project["dependencies"] == ["pixiecore-core>=0.1,<0.2"]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(folder / "pixiecore_rack_policy")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Rack", "NAME: 'Rack' must be of lower-case letters"),
        ("../x", "must be of lower-case letters"),
        ("taken", "is there already"),
    ],
)
def test_names_that_cannot_be(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "pixiecore-taken").mkdir()
    assert words in failure(pixiecore("new-plugin", name, "--in", str(tmp_path)), 2)

"""The tutorial's own text: its plugin, its test and its pyproject do what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial" / "first-plugin.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_plugin_passes_its_own_test(tmp_path: Path) -> None:
    plugin, test = blocks("python")
    (tmp_path / "vendor_policy.py").write_text(plugin)
    (tmp_path / "test_vendor_policy.py").write_text(test)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_entry_point_names_the_module() -> None:
    project = tomllib.loads(blocks("toml")[0])
    assert project["project"]["entry-points"]["pixiecore"] == {"vendor-policy": "vendor_policy"}
    assert project["tool"]["setuptools"]["py-modules"] == ["vendor_policy"]

"""The package as a whole: its public names, and that importing it changes nothing for the program that imports it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pixiecore_core

ROOT = Path(__file__).parents[1]

UNPATCHED = """
import pkgutil, importlib
import pixiecore_core
from gevent import monkey
for module in pkgutil.walk_packages(pixiecore_core.__path__, "pixiecore_core."):
    if module.name != "pixiecore_core.__main__":
        importlib.import_module(module.name)
assert not monkey.is_module_patched("socket")
"""

PATCHED = """
from gevent import monkey
import pixiecore_core.__main__
assert monkey.is_module_patched("socket") and monkey.is_module_patched("ssl")
"""

LIGHT = """
import sys, pixiecore_core
assert "gevent" not in sys.modules and "requests" not in sys.modules, "a plugin imports this before the patch"
"""


def run(program: str) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_the_command_patches() -> None:
    run(UNPATCHED)
    run(PATCHED)


def test_importing_the_public_names_is_light() -> None:
    run(LIGHT)


def test_the_public_names_are_sorted_complete_and_there() -> None:
    names = pixiecore_core.__all__
    assert names == sorted(names)
    for name in names:
        assert getattr(pixiecore_core, name) is not None
    public = {name for name in vars(pixiecore_core) if name[0].isupper() and name != "TYPE_CHECKING"}
    assert public <= set(names)


def test_what_all_distributions_have_in_common_is_said_once() -> None:
    command = [sys.executable, ROOT / "tools" / "write-metadata", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_module_says_what_it_is_for() -> None:
    for folder in ("pixiecore_core", "plugins", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not text or text.startswith(('"""', "#!")), f"{path} has no docstring"
            if folder in ("pixiecore_core", "plugins") and "tests" not in path.parts:
                assert len(text.splitlines()) <= 400, f"{path} is over 400 lines"

"""No circle of modules: nobody who reads one has to read another first that needs it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import pytest

import pixiecore_core

ROOT = Path(pixiecore_core.__file__).parent
FACE = "pixiecore_core"
"""The package itself, whose ``__init__`` exports names from everywhere and which nothing inside imports."""


def modules() -> dict[str, Path]:
    """Every module but the face, by its dotted name."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = (FACE, *path.relative_to(ROOT).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if "new_plugin_files" not in parts and name != FACE:
            found[name] = path
    return found


def imported(source: str, known: set[str]) -> Iterator[str]:
    """What a module imports of ours, wherever that is in it: for type checkers and within functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(FACE):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(FACE))


def test_there_is_no_circle() -> None:
    paths = modules()
    graph = {name: set(imported(path.read_text(encoding="utf-8"), {*paths})) for name, path in paths.items()}
    assert len(graph) > 100
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of modules: {' -> '.join(error.args[1])}")


def test_nothing_inside_imports_the_face() -> None:
    """But for its version: the commands print it."""
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == FACE:
                assert {alias.name for alias in node.names} <= {"__version__", *_rooms()}, name


def _rooms() -> set[str]:
    spec = find_spec(FACE)
    assert spec is not None
    return {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or path.is_dir()}

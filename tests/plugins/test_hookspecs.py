"""Every hook is documented, and has a test named after it."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from pixiecore_core import hookspecs

HOOKS = {name: function for name, function in vars(hookspecs).items() if hasattr(function, "pixiecore_spec")}


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_says_what_an_exception_does(name: str) -> None:
    assert ":raises" in (HOOKS[name].__doc__ or "")


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_has_a_test(name: str) -> None:
    assert f"def test_hook_{name}(" in (Path(__file__).parent / "test_manager.py").read_text()


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_is_in_the_reference(name: str) -> None:
    arguments = ", ".join(inspect.signature(HOOKS[name]).parameters)
    reference = Path(__file__).parents[2] / "docs" / "reference" / "hooks.md"
    assert f"`{name}({arguments})`" in reference.read_text(encoding="utf-8")

"""Finds recipes: those that come with this distribution, by name, and users' own, by path.

Reads files at start only, never while machines boot.
"""

from __future__ import annotations

import functools
import os
import tomllib
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from pixiecore_core import no_such
from pixiecore_static_booter.mistakes import blaming, sentence
from pixiecore_static_booter.recipe import Recipe

_SUFFIX = ".toml"
_GONE = {"coreos": "its site is gone; see flatcar"}
"""Names that the Go Pixiecore knew: the nearest that are left would be something else."""


@functools.cache
def recipes() -> dict[str, Recipe]:
    """Every recipe that comes with this distribution, by name, in the order of the names."""
    files = resources.files(__package__) / "recipes"
    return {
        file.name.removesuffix(_SUFFIX): parse(file.read_text(encoding="utf-8"))
        for file in sorted(files.iterdir(), key=lambda file: file.name)
        if file.name.endswith(_SUFFIX)
    }


def is_path(text: str) -> bool:
    """Whether *text* is the path of a recipe, not the name of one."""
    return "/" in text or text.endswith(_SUFFIX)


def path_of(text: str) -> str:
    """The whole path of a recipe that :func:`is_path`."""
    return os.path.abspath(os.path.expanduser(text))


def find(text: str) -> Recipe:
    """The recipe of this name, or in the file of this path.

    :raises ValueError: there is none, or it is unusable
    """
    if not is_path(text):
        known = recipes()
        names = {alias: recipe for name, recipe in known.items() for alias in (name, *recipe.aliases)}
        if text in _GONE:
            raise ValueError(f"there is no recipe {text!r}: {_GONE[text]}")
        if text not in names:
            raise ValueError(no_such("recipe", text, names, [*known, "or the path of a TOML file of your own"]))
        return names[text]
    path = path_of(text)
    try:
        with blaming(path):
            return parse(_decoded(Path(path).read_bytes()))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"this is not TOML, which is UTF-8 (at byte {error.start})") from error


def parse(text: str) -> Recipe:
    """The recipe that a TOML file says.

    :raises ValueError: it is not TOML, or is something other than a recipe; a short sentence
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"this is not TOML: {error}") from error
    except RecursionError as error:
        raise ValueError("its brackets are nested too deeply") from error
    except ValueError as error:
        raise ValueError("a number in it is too long") from error  # Python's limit for int()
    try:
        return Recipe.model_validate(tables)
    except ValidationError as error:
        raise ValueError(sentence(error)) from error

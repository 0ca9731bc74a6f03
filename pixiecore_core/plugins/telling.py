"""How a plugin's failure is reported: in one line, with the place in the plugin's code. Words only; decides nothing."""

from __future__ import annotations

import inspect
import os
import traceback
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

LONGEST_REASON = 500
"""Characters; a plugin's error may hold a whole file."""
_HERE = os.path.dirname(os.path.dirname(__file__)) + os.sep


def in_words(error: BaseException) -> str:
    """An error in one line of a bounded length, whatever its own ``__str__`` does."""
    if isinstance(error, ValidationError):
        return invalid(error)
    try:
        text = str(error)
    except BaseException:
        text = "its text cannot be read"
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    return f"{type(error).__name__}: {line[:LONGEST_REASON]}{'…' if len(line) > LONGEST_REASON else ''}"


def invalid(error: ValidationError) -> str:
    """The first mistake of a pydantic model, as ``BootSpec with kernel: …``: without the link that pydantic adds."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return f"{error.title}{' with ' if field else ''}{field}: {first['msg'].removeprefix('Value error, ')}"


def is_writable(error: BaseException) -> bool:
    """Whether a client can be given an error's text: it may be of the plugin's own class."""
    try:
        str(error).encode()
    except Exception:
        return False
    return True


def place_of(error: BaseException | None) -> str:
    """Where in the plugin's own code an error comes from, as ``/path/policy.py, line 12``; empty if in none."""
    own = place = ""
    for frame, line in traceback.walk_tb(error.__traceback__ if error is not None else None):
        file = frame.f_code.co_filename
        if file.startswith(_HERE):
            continue
        own = own or os.path.dirname(file)  # of the hook, which calls the rest
        if file.startswith(own):
            place = f"{file}, line {line}"
    return place


def defined_at(function: Callable[..., Any]) -> str:
    """Where a plugin's function begins, for answers where no single line is to blame."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None or code.co_filename.startswith(_HERE):
        return ""
    return f"{code.co_filename}, line {code.co_firstlineno}"

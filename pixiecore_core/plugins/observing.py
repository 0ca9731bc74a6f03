"""Reports each answer of a plugin as it is given: the eyes of a dry run. Changes nothing."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any

Observe = Callable[[str, str, object], None]
"""Told of each answer of a plugin, or of its failure: plugin, hook, and what it was."""


def observed(function: Callable[..., Any], plugin: str, hook: str, observe: Observe) -> Callable[..., Any]:
    """A guarded *function* whose answers are reported to *observe*."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any) -> Generator[None, Any, Any]:
            answer = yield from function(*args)
            observe(plugin, hook, answer)
            return answer

        return wrapper

    @functools.wraps(function)
    def told(*args: Any) -> Any:
        try:
            answer = function(*args)
        except Exception as error:
            observe(plugin, hook, error)
            raise
        observe(plugin, hook, answer)
        return answer

    return told

"""Makes one sentence of what is wrong, and says where it is.

Words only; decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError


def sentence(error: ValueError) -> str:
    """What *error* says: of pydantic's, which has a paragraph for each mistake, the first, with its place."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    steps = [str(step) for step in first["loc"] if step != "[key]"]
    # A key of a file may be anything, such as one with a line break.
    where = ".".join(step if step.isprintable() else repr(step) for step in steps)
    reason = first["msg"].removeprefix("Value error, ")
    return f"{where}: {reason}" if where else reason


@contextmanager
def blaming(place: str) -> Iterator[None]:
    """While inside, a mistake is said to be in *place*."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{place}: {sentence(error)}") from error

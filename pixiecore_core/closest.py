"""What to say about a name that does not exist: the closest one that does, or else all of them.

Words only; knows nothing about what is named.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection


def nearest(name: str, known: Collection[str]) -> str | None:
    """The name of *known* that *name* was probably meant to be."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def no_such(what: str, name: str, known: Collection[str], shown: Collection[str] = ()) -> str:
    """One sentence: ``there is no recipe 'debain'; did you mean 'debian'?``, or ``…; known are alma, debian`` where
    none is near.

    :param what: the kind of thing, such as ``recipe``
    :param known: all names that would be taken
    :param shown: what to list, in this order, where that is not all of *known*, sorted
    """
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near is not None else f"known are {', '.join(shown or sorted(known)) or 'none'}"
    return f"there is no {what} {name!r}; {hint}"

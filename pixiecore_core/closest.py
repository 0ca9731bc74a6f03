"""What to say of a name that does not exist: the closest one that does, or else all of them.

Words only; knows nothing of what is named.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection


def no_such(what: str, name: str, known: Collection[str], shown: Collection[str] = ()) -> str:
    """One sentence: ``there is no recipe 'debain'; did you mean 'debian'?``, or ``…; known are alma, debian`` where
    none is near.

    :param what: the kind of thing, such as ``recipe``
    :param known: all names that would be taken
    :param shown: what to list, in this order, where that is not all of *known*, sorted
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(shown or sorted(known)) or 'none'}"
    return f"there is no {what} {name!r}; {hint}"

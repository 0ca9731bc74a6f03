"""What to say of a name that does not exist: the closest one that does, and all of them.

Words only; decides nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection


def no_such(what: str, name: str, known: Collection[str], shown: Collection[str] | None = None) -> str:
    """One sentence, such as ``there is no recipe 'debain'; did you mean 'debian'? Known are …``.

    :param known: all names that would be taken
    :param shown: those to list, where *known* has several for one thing
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]!r}? Known" if near else "known"
    return f"there is no {what} {name!r}; {hint} are {', '.join(shown or known)}"

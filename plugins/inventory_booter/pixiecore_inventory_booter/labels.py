"""Whether any machine has the labels that a group asks for, and what to say where none has. Words only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pixiecore_core import nearest
from pixiecore_inventory_booter import schema
from pixiecore_inventory_booter.matching import has_labels


def nobodys(wanted: Mapping[str, list[str]], machines: Sequence[schema.Machine]) -> str:
    """Why no machine has all labels that are *wanted*; empty where one has."""
    if any(has_labels(wanted, entry) for entry in machines):
        return ""
    for label, patterns in wanted.items():
        values = {entry.labels[label] for entry in machines if label in entry.labels}
        if not values:
            known = {name for entry in machines for name in entry.labels}
            return f"it matches no machine: none has a label {label!r}; {_hint([label], known)}"
        if not any(has_labels({label: patterns}, entry) for entry in machines):
            words = " or ".join(map(repr, patterns))
            return f"it matches no machine: none has {words} as its label {label!r}; {_hint(patterns, values)}"
    return "it matches no machine: each of these labels is on some machine, but all of them on none"


def _hint(words: Iterable[str], known: set[str]) -> str:
    """The known word that was probably meant, or all of them."""
    near = next(filter(None, (nearest(word, known) for word in words)), None)
    return f"did you mean {near!r}?" if near else f"known are {', '.join(sorted(known)) or 'none'}"

"""docs/reference/inventory.md: what the files of an inventory may hold, from the models that check them."""

from __future__ import annotations

from pixiecore_inventory_booter import schema
from pydantic import BaseModel

from .prose import one_line

_PARTS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("A file", "The top level of each `.yaml`, `.yml` or `.toml` file.", schema.Inventory),
    ("A profile", "A value of `profiles`; its key is the profile's name. `ignore` cannot be its name.", schema.Profile),
    ("A file of a profile", "A value of `files`: a path, or a table of these keys.", schema.FileEntry),
    ("A machine", "One of `machines`.", schema.Machine),
    ("A group", "One of `groups`.", schema.Group),
    ("A match", "Where one value stands for a list, it is a list of one.", schema.Match),
)


def page() -> str:
    """The page."""
    parts = [
        "# The files of an inventory",
        "[How to use them](../how-to/inventory.md).",
        "In YAML, `no`, `0012`, `1.10` and `52:54:00:12:34:56` are texts. A key that is not listed here, or appears "
        "twice, is a mistake; one with nothing after it counts as missing. At the top of a file, keys that begin "
        "with `x-` are left alone.",
    ]
    for title, where, model in _PARTS:
        parts += [f"## {title}", where, _table(model)]
    parts += [
        "## What every machine has",
        "Variables that no `vars` may set, each empty where it is unknown: "
        f"{', '.join(f'`{name}`' for name in schema.FACTS)}. In templates also: "
        f"{', '.join(f'`{name}`' for name in schema.OTHER_NAMES)}: the machine's labels, and the functions that make "
        "the URL of another file, the URL by which the booted system reports a step, and of words with HOST and "
        "PORT the same words with the place where syslog is taken, or nothing where it is not.",
    ]
    return "\n\n".join(parts) + "\n"


def _table(model: type[BaseModel]) -> str:
    rows = ["| key | meaning | |", "|---|---|---|"]
    for key, field in model.model_fields.items():
        if not field.description:
            raise LookupError(f"{model.__name__}.{key} has no description")
        needed = "needed" if field.is_required() else ""
        rows.append(f"| `{key}` | {one_line(field.description)} | {needed} |")
    return "\n".join(rows)

"""Reads one YAML or TOML file into plain values, and remembers on which line each of them stands.

Scalars are what they look like: neither ``52:54:00:12:34:56`` nor ``0012`` nor ``no`` is anything but text, which YAML
1.1 sees otherwise. A key that appears twice is a mistake. Knows nothing of what the values mean.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from pixiecore_inventory_booter.problems import InventoryError, Problem

LONGEST = 4_000_000
"""Bytes of one file."""
_MOST_VALUES = 500_000
"""Of one file; a few anchors that name each other make more of a few lines."""
_DEEPEST = 50

_MERGE = "tag:yaml.org,2002:merge"
_UNQUOTED = re.compile(r"[:-]\s+\{\{")
_NEEDS_QUOTES = "a value that begins with {{ needs quotes around it"

Path = tuple[str | int, ...]
"""Keys and positions on the way to a value."""


@dataclass(frozen=True, slots=True)
class Document:
    """One file."""

    name: str
    values: dict[str, Any]
    lines: Mapping[Path, int] = field(default_factory=dict)

    def problem(self, path: Path, message: str, warning: bool = False) -> Problem:
        """A mistake in the value that *path* leads to; its line is that of the nearest value that has one."""
        nearest = path
        while nearest and nearest not in self.lines:
            nearest = nearest[:-1]
        return Problem(self.name, message, self.lines.get(nearest), written(path), warning)


def written(path: Path) -> str:
    """``groups[1].match.mac``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def parse(name: str, data: bytes) -> Document:
    """The document in *data*.

    :param name: of its file; its ending says whether it is YAML or TOML
    :raises InventoryError: it is malformed
    """
    if len(data) > LONGEST:
        raise InventoryError([Problem(name, f"has over {LONGEST:,} bytes; divide it")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InventoryError([Problem(name, "is not UTF-8 text", line)]) from error
    return _parse_toml(name, text) if name.endswith(".toml") else _parse_yaml(name, text)


def _parse_toml(name: str, text: str) -> Document:
    try:
        return Document(name, tomllib.loads(text), dict(_toml_lines(text)))
    except (ValueError, RecursionError) as error:
        place = re.search(r" \(at line (\d+), column \d+\)$", str(error))
        line = int(place[1]) if place else None
        message = str(error)[: place.start()] if place else str(error)
        raise InventoryError([Problem(name, f"is not TOML: {message}", line)]) from error


_TOML_TABLE = re.compile(r"\s*(?P<brackets>\[\[?)\s*(?P<keys>[^\[\]]+?)\s*\]")
_TOML_KEY = re.compile(r"\s*(?P<keys>(?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")


def _toml_lines(text: str) -> Iterator[tuple[Path, int]]:
    """The lines of tables and of keys that begin a line, for messages; the standard library's reader tells none."""
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        if found := _TOML_TABLE.match(line):
            table = _toml_path(found["keys"], counts)
            if found["brackets"] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            yield table, number
        elif found := _TOML_KEY.match(line):
            yield (*table, *_toml_path(found["keys"], {})), number


def _toml_path(keys: str, counts: Mapping[Path, int]) -> Path:
    """Where a dotted key leads; of a list of tables, into the one that was begun last."""
    path: Path = ()
    names = [part.strip().strip("\"'") for part in keys.split(".")]
    for position, name in enumerate(names):
        path = (*path, name)
        if path in counts and position < len(names) - 1:
            path = (*path, counts[path])
    return path


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML whose scalars are whole numbers, truth values, null or texts, as in YAML 1.2 (section 10.3.2).

    1.10 is a text: a version, or a serial number, must not become 1.1.
    """

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's own way


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"0|-?[1-9][0-9]*", "-0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def _parse_yaml(name: str, text: str) -> Document:
    loader: Any = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return Document(name, {})
        lines = dict(_lines(name, node))
        values = loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        message = f"is not YAML: {getattr(error, 'problem', None) or error}"
        line = mark.line + 1 if mark else None
        if line is not None and _UNQUOTED.search("\n".join(text.splitlines()[max(0, line - 2) : line])):
            message += f"; {_NEEDS_QUOTES}"
        raise InventoryError([Problem(name, message, line)]) from error
    except InventoryError:
        raise
    except Exception as error:
        # PyYAML lets whatever a constructor raises pass: KeyError for "!!bool foo", ValueError for a huge number.
        raise InventoryError([Problem(name, f"is not usable YAML: {error}")]) from error
    finally:
        if loader is not None:
            loader.dispose()
    if not isinstance(values, dict):
        raise InventoryError([Problem(name, "must hold keys, such as profiles, machines and groups", 1)])
    return Document(name, values, lines)


def _lines(name: str, root: yaml.Node) -> Iterator[tuple[Path, int]]:
    """The line of every value below *root*.

    :raises InventoryError: a key appears twice, or is no text, or there are too many values
    """
    problems: list[Problem] = []
    waiting: list[tuple[Path, yaml.Node, int]] = [((), root, root.start_mark.line + 1)]
    seen = 0
    while waiting:
        path, node, line = waiting.pop()
        seen += 1
        if seen > _MOST_VALUES or len(path) > _DEEPEST:
            raise InventoryError([Problem(name, "has too many values; do its anchors name each other?", line)])
        yield path, line
        if isinstance(node, yaml.SequenceNode):
            waiting += [((*path, place), one, one.start_mark.line + 1) for place, one in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                at = key.start_mark.line + 1
                if not isinstance(key, yaml.ScalarNode):
                    braces = isinstance(key, yaml.MappingNode)
                    problems.append(Problem(name, _NEEDS_QUOTES if braces else "a key must be text", at, written(path)))
                    continue
                if key.tag != _MERGE:
                    key.tag = "tag:yaml.org,2002:str"  # a profile may be called 12, or true
                if key.value in keys:
                    problems.append(Problem(name, f"the key {key.value!r} appears twice", at, written(path)))
                keys.add(key.value)
                # What an anchor brings in is told by the line of the <<.
                below = path if key.tag == _MERGE else (*path, key.value)
                if below != path:
                    waiting.append((below, value, at))
    if problems:
        raise InventoryError(problems)

"""Reads iPXE's scripts: lines, labels, the commands in a line, and settings in ``${…}``. Pure; runs nothing.

After iPXE's script.c, exec.c and settings.c: words are split at white space first and expanded then, so that nothing
in a setting can end a command.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

_MOST_EXPANSIONS = 200
"""In one word: settings may name each other for ever."""
_LONGEST = 16_384
"""Characters in an expanded word."""
_MAGIC = (b"#!ipxe", b"#!gpxe")


def is_script(data: bytes) -> bool:
    """Whether iPXE takes these bytes for a script: the magic word, then white space."""
    return data[:6] in _MAGIC and data[6:7].isspace()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a script."""

    label: str
    words: tuple[str, ...]


def lines_of(text: str) -> list[Line]:
    """The lines, with those that end in a backslash joined to the next."""
    lines, begun = [], ""
    for raw in text.split("\n"):
        begun += raw.removesuffix("\r")
        if begun.endswith("\\"):
            begun = begun[:-1]
            continue
        words = begun.split()
        label = words.pop(0)[1:] if words and words[0].startswith(":") else ""
        lines.append(Line(label, tuple(words)))
        begun = ""
    return lines


class Then(StrEnum):
    """When the command behind is run."""

    ALWAYS = ";"
    ON_SUCCESS = "&&"
    ON_FAILURE = "||"

    def runs(self, failed: bool) -> bool:
        """Whether it is, after a command that failed or did not."""
        return self is Then.ALWAYS or failed is (self is Then.ON_FAILURE)


def commands(words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Then | None]]:
    """The commands of a line, and what stands behind each; a word that begins with ``#`` ends the line."""
    command: list[str] = []
    for word in words:
        if word.startswith("#"):
            break
        if word in tuple(Then):
            yield tuple(command), Then(word)
            command = []
        else:
            command.append(word)
    yield tuple(command), None


def expanded(word: str, setting: Callable[[str], str]) -> str:
    """A word with its settings filled in, the innermost first.

    :param setting: the value of a setting by its name; empty where it has none
    """
    for _ in range(_MOST_EXPANSIONS):
        end = word.find("}")
        start = word.rfind("${", 0, end) if end >= 0 else -1
        if start < 0 or len(word) > _LONGEST:
            break
        name, _, kind = word[start + 2 : end].partition(":")
        word = word[:start] + _shown(setting(name), kind) + word[end + 1 :]
    return word[:_LONGEST]


def _shown(value: str, kind: str) -> str:
    """A value as a type of iPXE's writes it (settings.c): what is no such type here stays as it is."""
    if kind == "uristring":
        return quote(value, safe="")
    if kind in ("hex", "hexhyp", "hexraw"):
        between = {"hex": ":", "hexhyp": "-", "hexraw": ""}[kind]
        return between.join(f"{byte:02x}" for byte in _bytes(value))
    if kind == "base64":
        return base64.b64encode(_bytes(value)).decode()
    return value


def _bytes(value: str) -> bytes:
    """The bytes of a value: a hardware address is kept as those of its digits."""
    pairs = value.split(":")
    if len(pairs) > 1 and all(len(pair) == 2 for pair in pairs):
        try:
            return bytes.fromhex("".join(pairs))
        except ValueError:
            pass
    return value.encode()


@dataclass(frozen=True, slots=True)
class Arguments:
    """What stands behind a command."""

    options: dict[str, str]
    """By their long names; ``""`` for those that take no value."""
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(self.words)


def arguments(words: tuple[str, ...], known: Mapping[str, bool]) -> Arguments:
    """Options and words, as getopt reads them: options end at the first word, or at ``--``.

    :param known: the options by name, and whether each takes a value; the first letter is its short name
    :raises ValueError: there is no such option, or its value is missing
    """
    options: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        name, equals, value = word.lstrip("-").partition("=")
        found = next((long for long in known if name in (long, long[0])), None)
        if found is None:
            raise ValueError(f"unknown option {word}")
        if known[found] and not equals:
            if not rest:
                raise ValueError(f"option {word} needs a value")
            value = rest.pop(0)
        options[found] = value
    return Arguments(options, tuple(rest))

"""Expands a kernel command line: the subset of Go's text/template that Pixiecore users write.

``{{ ID "path-or-url" }}`` becomes the URL of that file. Strings may be "quoted" with Go's escapes or `raw`;
``{{-`` and ``-}}`` trim white space, ``{{/* */}}`` is a comment. Everything else in braces is an error that names its
position. Decides nothing about which files may be served: that is the caller's function table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pixiecore_core.errors import CmdlineError

_STRING = re.compile(r""""(?:\\.|[^"\\\n])*\"|`[^`]*`|/\*.*?\*/""", re.DOTALL)
_CALL = re.compile(r"""\s*(?P<name>[A-Za-z_]\w*)(?:\s+(?P<argument>"(?:\\.|[^"\\\n])*"|`[^`]*`))?\s*$""", re.DOTALL)
_COMMENT = re.compile(r"\s*/\*.*?\*/\s*$", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:(?P<simple>[abfnrtv\\\"'])|x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<octal>[0-7]{3})|(?P<bad>.))",
    re.DOTALL,
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'"}


_FILLED_IN_LAST = frozenset({"REPORT", "SYSLOG"})
"""Functions of the core, which alone knows what they become."""


@dataclass(frozen=True, slots=True)
class Call:
    """One ``{{ NAME "argument" }}`` or ``{{ NAME }}`` in a template."""

    name: str
    argument: str | None
    position: int
    text: str = ""
    """As it is in the template."""


def parse(template: str) -> list[str | Call]:
    """*template* as literal text and calls, in order.

    :raises CmdlineError: an action is unclosed or is not a call with one string
    """
    parts: list[str | Call] = []
    position = 0
    trim = False
    while (opening := template.find("{{", position)) >= 0:
        action = _action(template, opening)
        text = template[position:opening]
        text = text.lstrip() if trim else text
        parts.append(text.rstrip() if action.trim_left else text)
        if not _COMMENT.match(action.body):
            parts.append(_call(action.body, opening, template[opening : action.end]))
        position, trim = action.end, action.trim_right
    rest = template[position:]
    parts.append(rest.lstrip() if trim else rest)
    return [part for part in parts if part != ""]


def expand(
    template: str,
    functions: Mapping[str, Callable[[str], str]],
    words: Mapping[str, Callable[[], str]] | None = None,
    keep_words: bool = False,
) -> str:
    """*template* with every call replaced by what its function returns, trimmed, as one line.

    :param functions: by name, such as ``{"ID": url_of}``; a function may raise :class:`KeyError` for an argument that
        it does not know
    :param words: the same for ``{{ NAME }}``, without a string
    :param keep_words: leave words that are not known here as they are, instead of refusing them, and ``REPORT``
        and ``SYSLOG``
    :raises CmdlineError: the template is malformed, names an unknown function or argument, or holds a newline
    """
    expanded = []
    for part in parse(template):
        if isinstance(part, str):
            expanded.append(part)
            continue
        expanded.append(_value(part, functions, words or {}, keep_words))
    line = "".join(expanded).strip()
    if "\n" in line or "\r" in line:
        raise CmdlineError("it must be a single line", len(template.partition("\n")[0]))
    return line


def _value(
    call: Call, functions: Mapping[str, Callable[[str], str]], words: Mapping[str, Callable[[], str]], keep_words: bool
) -> str:
    if call.argument is None and call.name in words:
        return words[call.name]()
    if keep_words and call.name in _FILLED_IN_LAST and call.name not in functions:
        return call.text
    if call.name in functions:
        if call.argument is None:
            raise CmdlineError(f'{call.name} needs a string, as in {{{{ {call.name} "…" }}}}', call.position)
        try:
            return functions[call.name](call.argument)
        except KeyError:
            raise CmdlineError(f"{call.name} knows no file {call.argument!r}", call.position) from None
    if call.argument is None and keep_words:
        return call.text
    known = ", ".join(sorted({*functions, *words}))
    reason = f"there is no function {call.name!r}, only {known}; a plugin that has it may be off"
    raise CmdlineError(reason, call.position)


@dataclass(frozen=True, slots=True)
class _Action:
    body: str
    trim_left: bool
    trim_right: bool
    end: int


def _action(template: str, opening: int) -> _Action:
    """The action whose ``{{`` is at *opening*; ``}}`` inside a string or a comment does not close it."""
    trim_left = template[opening + 2 : opening + 3] == "-" and template[opening + 3 : opening + 4].isspace()
    start = position = opening + 2 + trim_left
    while position < len(template):
        if template.startswith("}}", position):
            body = template[start:position]
            trim_right = len(body) > 1 and body[-1] == "-" and body[-2].isspace()
            return _Action(body[:-1] if trim_right else body, trim_left, trim_right, position + 2)
        if template[position] in '"`' or template.startswith("/*", position):
            literal = _STRING.match(template, position)
            if literal is None:
                # In one step, not character by character: a hostile template would cost the square of its length.
                break
            position = literal.end()
        else:
            position += 1
    raise CmdlineError("'{{' is not closed by '}}'", opening)


def _call(body: str, opening: int, text: str) -> Call:
    match = _CALL.match(body)
    if match is None:
        raise CmdlineError(f'{{{{{body}}}}} is not of the form {{{{ ID "path-or-url" }}}}', opening)
    literal = match["argument"]
    if literal is None:
        return Call(match["name"], None, opening, text)
    if literal.startswith("`"):
        # Go drops carriage returns from raw strings.
        return Call(match["name"], literal[1:-1].replace("\r", ""), opening, text)
    return Call(match["name"], _unescape(literal[1:-1], opening), opening, text)


def _unescape(text: str, opening: int) -> str:
    def replace(match: re.Match[str]) -> str:
        if match["simple"]:
            return _SIMPLE[match["simple"]]
        if match["bad"]:
            raise CmdlineError(f"unknown escape \\{match['bad']} in a string", opening)
        number = int(match["octal"], 8) if match["octal"] else int(match["x"] or match["u"] or match["U"], 16)
        if number > 0x10FFFF or 0xD800 <= number < 0xE000:
            raise CmdlineError(f"escape {match[0]} is not a character", opening)
        return chr(number)

    return _ESCAPE.sub(replace, text)

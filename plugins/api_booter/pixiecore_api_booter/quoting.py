"""Go's ``%q``: how the Go Pixiecore writes a string value of a command-line object, and so how users know it.

Source: strconv.Quote. Knows nothing about command lines.
"""

from __future__ import annotations

_SIMPLE = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    '"': r"\"",
}


def go_quote(text: str) -> str:
    """*text* in double quotes, as Go's ``fmt.Sprintf("%q", text)`` writes it."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in _SIMPLE:
        return _SIMPLE[character]
    # The same Unicode categories as Go's unicode.IsPrint: of the spaces only the ASCII one, no format characters.
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    if 0xD800 <= code < 0xE000:
        return r"\ufffd"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

"""JSON as Go's decoder reads it, since API servers were written against that one.

Key names match whatever their case, what follows the first value is ignored, bytes that are no UTF-8 become U+FFFD;
NaN and Infinity, which Python would take, are errors. Knows nothing of what the values mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")
_WHITE_SPACE = " \t\r\n"


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


# Numbers stand in no field of the contract: as floats they cost nothing, where Python's huge integers would raise.
_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_int=float)


def first_value(data: bytes) -> Any:
    """The first JSON value in *data*.

    :raises ValueError: there is none; the message says where it goes wrong
    :raises RecursionError: it is nested too deeply
    """
    text = data.decode("utf-8", "replace").lstrip(_WHITE_SPACE)
    if not text:
        raise ValueError("the body is empty")
    try:
        value, _ = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"the body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from error
    return value


def fields(value: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The members of *value* that *names* names, whatever their case; null, which means absent, and the rest left out.

    An escaped lone surrogate in a string becomes U+FFFD, as in Go.
    """
    found: dict[str, Any] = {}
    for name in names:
        # Of several that match, Go keeps the last that is not null.
        matching = [member for key, member in value.items() if _same(key, name) and member is not None]
        if matching:
            found[name] = _without_surrogates(matching[-1])
    return found


def _same(key: str, name: str) -> bool:
    return len(key) == len(name) and key.casefold() == name


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_without_surrogates(member) for member in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(member) for key, member in value.items()}
    return value

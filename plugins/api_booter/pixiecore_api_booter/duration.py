"""Durations as Go's command lines take them, ``5s`` or ``1m30s``, and as plain numbers of seconds.

Source: time.ParseDuration. Sets no limits.
"""

from __future__ import annotations

import math
import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
_WHOLE = re.compile(rf"\+?(?:{_PART})+")


def seconds(value: object) -> object:
    """*value* in seconds, if it is text; anything else is left to the model.

    :raises ValueError: it is no duration
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _WHOLE.fullmatch(text):
        return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is no duration such as 5s, 500ms or 1m30s")
    return number

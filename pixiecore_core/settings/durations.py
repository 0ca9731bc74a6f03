"""How long something may take, as people write it: ``5s``, ``1m30s``, ``250ms``, or a plain number of seconds.

One type for all settings, the plugins' among them, so that durations are written and shown alike. The spelling is that
of Go's time.ParseDuration, which the Go Pixiecore's users know. Sets no limits but zero.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

_UNITS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),  # the micro sign
    "μs": Decimal("1e-6"),  # the Greek letter
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_NUMBER = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
"""Matches in one way only: with two, a long text that is no duration took the power of two of its parts."""
_PART = rf"({_NUMBER})({'|'.join(_UNITS)})"
_WHOLE = re.compile(rf"\+?(?:{_PART})+")
_PLAIN = re.compile(rf"\+?(?:{_NUMBER})(?:[eE][+-]?[0-9]{{1,3}})?")
_LONGEST = Decimal(10) ** 12
"""Seconds, or 30,000 years: beyond that, somebody's hand lay on the keyboard."""
_TOO_LONG = "it is longer than 30,000 years"


class Duration(float):
    """A length of time in seconds, for a plugin's setting: ``timeout: Duration = Field(default=Duration("5s"), gt=0)``.

    It is a float wherever one is needed; as text it is ``1m30s``. In a settings file it may be a number, too.

    :param value: seconds, or text such as ``5s``, ``1m30s``, ``250ms`` or ``7``
    :raises ValueError: it is neither, or negative
    """

    def __new__(cls, value: str | float) -> Self:
        """Read *value*."""
        return super().__new__(cls, _seconds(value))

    def __str__(self) -> str:
        """The shortest usual spelling, which :class:`Duration` reads back to the same."""
        return _written(Decimal(float.__repr__(self)))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """For pydantic: validated by the constructor."""
        return core_schema.no_info_plain_validator_function(
            _validated, serialization=core_schema.plain_serializer_function_ser_schema(float)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """For pydantic: text or a number."""
        return {"anyOf": [{"type": "string", "examples": ["5s", "1m30s"]}, {"type": "number", "minimum": 0}]}


def _validated(value: object) -> Duration:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(_complaint(value))
    return value if isinstance(value, Duration) else Duration(value)


def _seconds(value: str | float) -> float:
    """*value* in seconds.

    :raises ValueError: it is not a duration
    """
    try:
        text = value.strip() if isinstance(value, str) else float.__repr__(float(value))
    except OverflowError:  # an integer of hundreds of digits
        raise ValueError(_TOO_LONG) from None
    if len(text) > 400:
        raise ValueError(_complaint(value))
    if _WHOLE.fullmatch(text):
        seconds = sum((Decimal(number) * _UNITS[unit] for number, unit in re.findall(_PART, text)), Decimal(0))
    elif _PLAIN.fullmatch(text):
        seconds = Decimal(text)
    else:
        raise ValueError(_complaint(value))
    if seconds > _LONGEST:
        raise ValueError(_TOO_LONG)
    return float(seconds)


def _complaint(value: object) -> str:
    return f"{value!r} is not a duration such as 5s, 250ms or 1m30s"


def _written(seconds: Decimal) -> str:
    if seconds < 1 and (milliseconds := seconds * 1000) >= 1 and milliseconds == milliseconds.to_integral_value():
        return f"{milliseconds:.0f}ms"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{hours:.0f}h" if hours else "", f"{minutes:.0f}m" if minutes else ""]
    if rest or not (hours or minutes):
        parts.append(f"{rest.normalize() if rest else Decimal(0):f}s")
    return "".join(parts)

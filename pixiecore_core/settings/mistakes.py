"""Every mistake that a pydantic model was refused for, each with the setting and the key within it that it is about.

Knows models and values only: neither where these came from nor what they are called there. Also puts several mistakes
into one error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from pixiecore_core.errors import ConfigError, ConfigErrors

_TABLE_ERRORS = ("dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type")
"""pydantic's errors for a text where a table is expected."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with the values of a model."""

    key: str
    """The setting; empty for all of them together."""
    inner: str
    """The key within its value, such as ``.network[0].name``; empty for the value itself."""
    reason: str
    kind: Literal["missing", "table", "other"] = "other"
    """Whether the value is missing, or must be a table and is a text."""


def mistakes_in(error: ValidationError, values: Mapping[str, Any]) -> list[Mistake]:
    """What *error* says of *values*, one mistake for each setting, or for each key within a table."""
    found: dict[str, dict[str, Mistake]] = {}
    for one in error.errors():
        key = str(one["loc"][0]) if one["loc"] else ""
        inner = _inner_key(one["loc"][1:], values.get(key), one["type"])
        known = found.setdefault(key, {})
        # Of a union, pydantic has a complaint for each branch: the first is about what was probably meant.
        if not known or (inner and "" not in known and inner not in known):
            known[inner] = _mistake(key, inner, dict(one))
    return [mistake for known in found.values() for mistake in known.values()]


def _mistake(key: str, inner: str, error: Mapping[str, Any]) -> Mistake:
    if error["type"] == "missing":
        return Mistake(key, inner, "is needed", "missing")
    if error["type"] in _TABLE_ERRORS and isinstance(error["input"], str):
        return Mistake(key, inner, "is a table", "table")
    reason = str(error["msg"]).removeprefix("Value error, ")
    if error["type"].startswith("byte_size"):
        reason = f"{error['input']!r} is not a size such as 500M, 20G or 1TiB"
    return Mistake(key, inner, reason)


def _inner_key(location: Sequence[str | int], value: Any, kind: str) -> str:
    """The key within a table, or a list of tables, that an error is about: ``.network[0].name``.

    pydantic's own location has the branches of unions in it, too, which nobody wrote.
    """
    path = ""
    for part in location:
        if isinstance(value, Mapping) and (part in value or (kind == "missing" and part == location[-1])):
            path, value = f"{path}.{part}", value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            path, value = f"{path}[{part}]", value[part]
    return path if "." in path else ""


def culprit(model: type[BaseModel], values: Mapping[str, Any]) -> str:
    """The setting that a model cannot be made for, where pydantic does not say; empty if it is none's own fault."""

    def fails(make: Callable[[], object]) -> bool:
        try:
            make()
        except ValidationError:
            return False
        except BaseException:
            return True
        return False

    for key, info in model.model_fields.items():
        made = key not in values and not getattr(info, "default_factory_takes_validated_data", False)
        if made and fails(partial(info.get_default, call_default_factory=True)):
            return key
    if fails(model):
        return ""
    return next((key for key, value in values.items() if fails(partial(model, **{key: value}))), "")


def together(mistakes: Sequence[ConfigError]) -> ConfigError:
    """One error that tells of all *mistakes*, of which there is one at least; each once."""
    flat = [one for mistake in mistakes for one in getattr(mistake, "mistakes", (mistake,))]
    unique = [one for number, one in enumerate(flat) if str(one) not in map(str, flat[:number])]
    return unique[0] if len(unique) == 1 else ConfigErrors(unique)

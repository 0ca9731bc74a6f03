"""Finds the setting that a pydantic model was refused for, as far as pydantic's own errors leave it open.

Knows models and values only: neither where these came from nor what they are called there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel, ValidationError

TABLE_ERRORS = ("dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type")
"""pydantic's errors for a text where a table is expected."""


def inner_key(location: Sequence[str | int], value: Any, kind: str) -> str:
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

"""How the value of a setting is spelled where people read it: in help, in the reference, in what `config` prints.

As it could be written in a settings file or on a command line. Knows nothing of secrets: hide them after this.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic_core import to_jsonable_python

from pixiecore_core.models import FileRef
from pixiecore_core.settings.durations import Duration
from pixiecore_core.settings.listening import Endpoint


def spelled(value: Any) -> Any:
    """*value* in terms of texts, numbers, truth values, lists and tables; ``None``, secrets and paths stay what they
    are.
    """
    match value:
        case None | bool() | SecretStr() | SecretBytes() | PurePath():
            return value
        case Enum():
            return spelled(value.value)
        case Duration():
            return str(value)
        case int():
            return int(value)
        case float():
            return float(value)
        case str():
            return str(value)
        case Endpoint(address=address, port=port):
            return port if address is None else f"{address}:{port}"
        case FileRef(location=location, sha256=digest):
            return f"{location}#sha256={digest}" if digest else location
        case BaseModel():
            return {key: spelled(getattr(value, key)) for key in type(value).model_fields if key in _set(value)}
        case Mapping():
            return {str(spelled(key)): spelled(inner) for key, inner in value.items()}
        case list() | tuple():
            return [spelled(inner) for inner in value]
        case set() | frozenset():
            return sorted((spelled(inner) for inner in value), key=str)
    return to_jsonable_python(value, fallback=str)


def _set(value: BaseModel) -> set[str]:
    """The fields that are worth writing: those that were given, or all where nobody gave any."""
    return value.model_fields_set or set(type(value).model_fields)

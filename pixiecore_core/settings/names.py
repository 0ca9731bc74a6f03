"""What a setting is called wherever it can be given: as an option, as an environment variable, and whether it takes
several values there.

Names only: reads no value.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

_LISTS = (list, tuple, set, frozenset, Sequence)


def option_name(key: str) -> str:
    """``listen_addr`` as ``--listen-addr``."""
    return "--" + key.replace("_", "-")


def variable_name(section: str, key: str) -> str:
    """The environment variable of a setting: ``PIXIECORE_PORT``, or ``PIXIECORE_STATIC_KERNEL`` in a section."""
    # A booter "api" with a setting "api_ca" needs no PIXIECORE_API_API_CA.
    parts = ("PIXIECORE", key) if key.startswith(f"{section}_") else ("PIXIECORE", section, key)
    return "_".join(part for part in parts if part).upper().replace("-", "_")


def is_list(field: FieldInfo) -> bool:
    """Whether a setting takes several values."""
    kind: Any = field.annotation
    while True:
        inner = [part for part in get_args(kind) if part is not NoneType]
        if get_origin(kind) is Annotated or (get_origin(kind) in (Union, UnionType) and len(inner) == 1):
            kind = inner[0]
        elif hasattr(kind, "__value__"):
            kind = kind.__value__  # of a "type" statement
        else:
            return (get_origin(kind) or kind) in _LISTS

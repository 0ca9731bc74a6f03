"""Keeps over a restart what a server has learnt, where it can: where it cannot, that is said, and the server goes on.

Knows neither what is kept, nor in which words its loss is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from pixiecore_core.errors import ConfigError, StateError
from pixiecore_core.state.records import Records
from pixiecore_core.state.store import StateStore

R = TypeVar("R", bound=BaseModel)
Warn = Callable[[str], None]


def is_usable(store: StateStore, option: str, named: bool, warn: Warn, loss: str) -> bool:
    """Open it. Where it cannot be used, *warn* of the *loss*.

    :raises ConfigError: the user *named* the file by this option
    """
    try:
        store.prepare(option)
    except ConfigError as error:
        if named:
            raise
        warn(f"{loss}: {error.reason}; see {option}")
        return False
    return True


def keeper(records: Records[R], warn: Warn, loss: str) -> Callable[[str, R], None]:
    """What keeps a record by its key. Of the *loss* of any, it warns once."""
    told = False

    def keep(key: str, record: R) -> None:
        nonlocal told
        try:
            records.begin_change(key, lambda before: record)
        except (StateError, ValueError) as error:
            if not told:
                told = True
                warn(f"{loss}: {error}")

    return keep

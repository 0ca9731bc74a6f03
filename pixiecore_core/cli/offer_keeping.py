"""Keeps over a restart which way of answering each machine's firmware has taken.

Where the file cannot be used, it is remembered while the server runs, and that is said. Knows no way of answering.
"""

from __future__ import annotations

from collections.abc import Callable

from pixiecore_core.engine.offer_memory import KINDS, MACHINES, OfferMemory, Worked
from pixiecore_core.errors import ConfigError, StateError
from pixiecore_core.files.folders import user_folder
from pixiecore_core.settings.server import ServerSettings
from pixiecore_core.state.store import StateStore

Warn = Callable[[str], None]


def open_offer_memory(settings: ServerSettings, warn: Warn) -> OfferMemory:
    """What is remembered.

    :raises ConfigError: the user named a file that cannot be used
    """
    store = StateStore(settings.offer_memory or user_folder("state") / "offers.sqlite")
    records = store.records("offers", Worked, MACHINES + KINDS)
    told = False

    def keep(key: str, worked: Worked) -> None:
        nonlocal told
        try:
            records.begin_change(key, lambda before: worked)
        except (StateError, ValueError) as error:
            if not told:
                told = True
                warn(f"What machines' firmware takes is not kept over a restart: {error}")

    try:
        store.prepare("--offer-memory")
    except ConfigError as error:
        if settings.offer_memory is not None:
            raise
        warn(f"What machines' firmware takes will not be known after a restart: {error.reason}; see --offer-memory")
        return OfferMemory()
    memory = OfferMemory(keep)
    try:
        memory.recall({key: worked for key, worked in records.since(0).records.items() if worked is not None})
    except StateError as error:
        # Of another release, say. It only spares machines some tries.
        warn(f"What machines' firmware takes is learnt anew: {error}")
    return memory

"""Keeps over a restart which way of answering each machine's firmware has taken.

Where the file cannot be used, it is remembered while the server runs, and that is said. Knows no way of answering.
"""

from __future__ import annotations

from pixiecore_core.cli.keeping import Warn, is_usable, keeper
from pixiecore_core.engine.offer_memory import KINDS, MACHINES, OfferMemory, Worked
from pixiecore_core.errors import StateError
from pixiecore_core.files.folders import user_folder
from pixiecore_core.settings.server import ServerSettings
from pixiecore_core.state.store import StateStore


def open_offer_memory(settings: ServerSettings, warn: Warn) -> OfferMemory:
    """What is remembered.

    :raises ConfigError: the user named a file that cannot be used
    """
    store = StateStore(settings.offer_memory or user_folder("state") / "offers.sqlite")
    records = store.records("offers", Worked, MACHINES + KINDS)
    loss = "What machines' firmware takes will not be known after a restart"
    if not is_usable(store, "--offer-memory", settings.offer_memory is not None, warn, loss):
        return OfferMemory()
    memory = OfferMemory(keeper(records, warn, "What machines' firmware takes is not kept over a restart"))
    try:
        memory.recall({key: worked for key, worked in records.since(0).records.items() if worked is not None})
    except StateError as error:
        # Of another release, say. It only spares machines some tries.
        warn(f"What machines' firmware takes is learnt anew: {error}")
    return memory

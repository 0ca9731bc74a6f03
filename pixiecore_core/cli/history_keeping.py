"""Keeps machines' attempts over a restart, in a file beside the server's other state.

Where the file cannot be used, they are remembered while the server runs, and that is said. Knows no fact.
"""

from __future__ import annotations

import time

from pixiecore_core.cli.keeping import Warn, is_usable, keeper
from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.errors import StateError
from pixiecore_core.files.folders import user_folder
from pixiecore_core.observe.history import MACHINES, History, KeptAttempt, restore
from pixiecore_core.settings.server import ServerSettings
from pixiecore_core.state.store import StateStore


def open_history(settings: ServerSettings, attempts: Attempts, warn: Warn) -> History | None:
    """What keeps them; *attempts* has those of before, afterwards. ``None`` where they are not kept.

    :raises ConfigError: the user named a file that cannot be used
    """
    if settings.no_history:
        return None
    store = StateStore(settings.history or user_folder("state") / "history.sqlite")
    records = store.records("attempts", KeptAttempt, MACHINES)
    loss = "What machines did will not be known after a restart"
    if not is_usable(store, "--history", settings.history is not None, warn, loss):
        return None
    try:
        kept = records.since(0).records.values()
        restore(attempts, [record for record in kept if record is not None], time.time())
    except StateError as error:
        warn(f"What machines did before is not known: {error}")
    return History(attempts, keeper(records, warn, "What machines did is not kept over a restart"), store.close)

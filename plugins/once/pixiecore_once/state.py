"""Which machines have booted, in a store that the server and the command line share.

Knows no hooks, and decides nothing about a boot except how one state follows from another.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pixiecore_core import PendingChange, StateStore

State = Literal["armed", "installing", "done"]
"""Armed: it may boot. Installing: it boots until it has called its completion URL. Done: it may not boot."""


class Record(BaseModel):
    """What is kept about one machine."""

    model_config = ConfigDict(frozen=True)

    state: State
    since: float
    """Seconds since the epoch."""


MOST = 100_000
"""Machines that are remembered. None may be forgotten, or it would be installed again: beyond it, nobody new boots."""
_COUNTED_SECONDS = 60.0
_NEARLY = 0.8
_log = logging.getLogger("pixiecore.once")

Step = Callable[[Record | None], Record | None]
"""What happens to a machine's record."""


@dataclass(frozen=True, slots=True)
class Known:
    """One machine."""

    mac: str
    state: State
    since: float
    """Seconds since the epoch."""


class States:
    """The machines.

    :param path: the file; made, with its folder, where it is missing
    """

    def __init__(self, path: Path) -> None:
        self.store = StateStore(path)
        # Releases before the store had a table "machines": mac, state, since.
        self._machines = self.store.records("machines", Record, old_table="machines")
        self._number, self._counted_until = 0, 0.0

    def of(self, mac: str) -> Record | None:
        """What is known about a machine.

        :raises StateError: it cannot be read
        """
        return self._machines.get(mac)

    def is_full(self) -> bool:
        """Whether no other machine may be remembered, as of a minute ago at most.

        :raises StateError: they cannot be counted
        """
        now = time.monotonic()
        if now >= self._counted_until:
            self._number, self._counted_until = len(self._machines.keys()), now + _COUNTED_SECONDS
            if self._number >= _NEARLY * MOST:
                _log.error(
                    "%s machines are remembered; beyond %s no new machine boots", f"{self._number:,}", f"{MOST:,}"
                )
        return self._number >= MOST

    def beginning(self, text: str) -> list[str]:
        """The machines whose addresses begin so, for a shell to complete."""
        return self.store.keys_for_a_shell(text, self._machines)

    def all(self) -> list[Known]:
        """Every machine, the last changed first.

        :raises StateError: they cannot be read
        """
        machines = [Known(mac, known.state, known.since) for mac, known in self._machines.all().items()]
        return sorted(machines, key=lambda known: (-known.since, known.mac))

    def begin(self, mac: str, step: Step) -> PendingChange[Record | None]:
        """Begin to change a machine's state.

        :raises StateError: it cannot be written, as far as is known at once
        """
        return self._machines.begin_change(mac, step)

    def set(self, mac: str, state: State) -> None:
        """Change a machine's state, and wait until the change is kept.

        :raises StateError: it cannot be written; the machine stays as it was
        """
        self.begin(mac, becomes(state)).wait()

    def set_all(self, macs: Iterable[str], state: State) -> None:
        """The same for several machines at once.

        :raises StateError: not all of them could be written
        """
        for change in [self.begin(mac, becomes(state)) for mac in macs]:
            change.wait()

    def forget(self, macs: Iterable[str]) -> int:
        """Forget these machines; returns how many were known.

        :raises StateError: not all of them could be written
        """
        return sum(change.wait() for change in [self._machines.begin_removal(mac) for mac in macs])

    def forget_all(self) -> int:
        """Forget everything, even what cannot be read; returns how many machines were known.

        :raises StateError: not all of them could be written
        """
        return self.forget(self._machines.keys())


def becomes(state: State) -> Step:
    """A machine is in *state* from now on, or has been since before."""
    now = time.time()
    return lambda known: known if known is not None and known.state == state else Record(state=state, since=now)


def is_sent_its_script() -> Step:
    """A machine has been sent a script with a completion URL. One that has called it is done and stays it, whatever
    script is sent in its name afterwards: only arming it changes that.
    """
    installing = becomes("installing")
    return lambda known: known if known is not None and known.state == "done" else installing(known)


def has_loaded() -> Step:
    """A machine has loaded everything: that was its boot, unless it was asked to say so itself."""
    done = becomes("done")
    return lambda known: done(known) if known is None or known.state == "armed" else known

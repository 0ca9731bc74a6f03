"""What has happened to machines and is not certainly kept yet, or could not be written.

An event must not wait for the disk, nor be lost because the disk is full: the machine's next question waits for it, or
tries again. Knows no hooks.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

from pixiecore_core import PendingChange, StateError
from pixiecore_once.state import Record, States, Step


@dataclass(frozen=True, slots=True)
class _Begun:
    again: Step
    """The step as it is to be tried again."""
    change: PendingChange[Record | None] | StateError

    def wait(self) -> None:
        if isinstance(self.change, StateError):
            raise self.change
        self.change.wait()

    @property
    def is_settled(self) -> bool:
        """Whether it is certainly kept."""
        try:
            if not isinstance(self.change, StateError) and self.change.done:
                self.change.wait()
                return True
        except StateError:
            pass  # its machine's next question tries again
        return False

    @property
    def has_failed(self) -> bool:
        return isinstance(self.change, StateError) or (self.change.done and not self.is_settled)


class Unsettled:
    """The changes that have begun, by machine: only those of machines that boot while the disk is slow or full.

    :param states: where they are written
    """

    def __init__(self, states: States) -> None:
        self._states = states
        self._begun: OrderedDict[str, _Begun] = OrderedDict()

    def begin(self, mac: str, step: Step) -> None:
        """Have a step written, after what could not be written before. Neither waits nor raises."""
        again = _unless_later(step)
        earlier = self._begun.pop(mac, None)
        if earlier is not None and not earlier.is_settled:
            step, again = _both(earlier.again, step), _both(earlier.again, again)
        self._begun[mac] = self._begin(mac, step, again)
        self._drop_settled()

    def settle(self, mac: str) -> None:
        """Wait until all that has happened to a machine is kept.

        :raises StateError: it is not, and cannot be written now either
        """
        begun = self._begun.get(mac)
        if begun is None:
            return
        try:
            begun.wait()
        except StateError:
            self._begin(mac, begun.again, begun.again).wait()
        if self._begun.get(mac) is begun:
            del self._begun[mac]

    def settle_failed(self) -> None:
        """Where something could not be written, write it now.

        :raises StateError: nothing can be written now
        """
        self._drop_settled()
        if not any(begun.has_failed for begun in self._begun.values()):
            return
        self._states.store.probe()
        for mac, begun in list(self._begun.items()):
            if begun.has_failed and self._begun.get(mac) is begun:
                self._begun[mac] = self._begin(mac, begun.again, begun.again)

    def settle_all(self) -> None:
        """Wait for everything.

        :raises StateError: something cannot be written
        """
        for mac in list(self._begun):
            self.settle(mac)

    def _begin(self, mac: str, step: Step, again: Step) -> _Begun:
        try:
            return _Begun(again, self._states.begin(mac, step))
        except StateError as error:
            return _Begun(again, error)

    def _drop_settled(self) -> None:
        """Forget what is kept by now, from the oldest on."""
        while self._begun:
            mac, begun = next(iter(self._begun.items()))
            if not begun.is_settled:
                return
            del self._begun[mac]


def _unless_later(step: Step) -> Step:
    """*step*, as of now: where it is written later, what an administrator or the machine said meanwhile counts.

    Only there: a clock that was set back since the machine was armed would else have it boot again and again.
    """
    now = time.time()
    return lambda known: known if known is not None and known.since > now else step(known)


def _both(first: Step, second: Step) -> Step:
    return lambda known: second(first(known))

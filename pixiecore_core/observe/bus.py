"""The one place that facts are reported to: words each once and hands it to the subscribers.

Log, counts, the memory of attempts and plugins' queues subscribe; the bus knows none of them. Two lesser kinds of news
go the same way: what is worth only a debug line, and datagrams that were dropped.
"""

from __future__ import annotations

from collections.abc import Callable

from pixiecore_core.engine.words import sentence
from pixiecore_core.models.facts import Fact, Subsystem

Listener = Callable[[Fact, str], object]
"""Told of a fact, and of its sentence. Must not wait."""
Aside = Callable[[Subsystem, str], object]
"""Told of ordinary traffic: who says so, and what."""
Drop = Callable[[Subsystem, str], object]
"""Told of a datagram that was dropped: where, and why, as a word from a fixed set."""


class Bus:
    """Spreads news to its subscribers, in the order in which they subscribed."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._asides: list[Aside] = []
        self._drops: list[Drop] = []

    def subscribe(self, listener: Listener, aside: Aside | None = None, drop: Drop | None = None) -> None:
        """Tell *listener* of every fact from now on, and the others of what is not one."""
        self._listeners.append(listener)
        self._asides += [aside] if aside is not None else []
        self._drops += [drop] if drop is not None else []

    def report(self, fact: Fact) -> None:
        """Tell all subscribers of a fact."""
        words = sentence(fact)
        for listener in self._listeners:
            listener(fact, words)

    def aside(self, subsystem: Subsystem, text: str) -> None:
        """Tell of ordinary traffic, which is worth a debug line at most."""
        for aside in self._asides:
            aside(subsystem, text)

    def drop(self, subsystem: Subsystem, reason: str) -> None:
        """Tell of a datagram that got no answer.

        :param reason: one of a few fixed words, such as ``malformed`` or ``busy``
        """
        for drop in self._drops:
            drop(subsystem, reason)

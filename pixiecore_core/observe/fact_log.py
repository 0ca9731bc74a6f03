"""Writes facts to the log, a line each, and keeps it from being flooded.

Refusals, which a stranger can cause at will, are rationed; a plugin that fails for a whole room of machines is
reported once for each of its hooks. Counts nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog

from pixiecore_core.engine.words import subsystem
from pixiecore_core.models.facts import Fact, PluginFailed, Refused, Subsystem

REFUSALS_PER_SECOND = 20


class FactLog:
    """Subscribes to a bus.

    :param logger: where lines go
    :param details: whether a line also carries the fact's fields separately, as JSON lines do
    :param clock: seconds, monotonic
    """

    def __init__(
        self,
        logger: structlog.typing.FilteringBoundLogger,
        details: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._details = details
        self._clock = clock
        self._told: set[tuple[str, str]] = set()
        self._second = 0
        self._refusals = 0

    def write(self, fact: Fact, sentence: str) -> None:
        """Write one line, unless its kind has had its share."""
        if isinstance(fact, Refused) and not self._may_log_refusal():
            return
        if isinstance(fact, PluginFailed):
            if (fact.plugin, fact.hook) in self._told:
                self._logger.debug(sentence, subsystem="Plugin")
                return
            self._told.add((fact.plugin, fact.hook))
        details: dict[str, Any] = {}
        if self._details:
            details = fact.model_dump(mode="json", exclude={"at"}, exclude_defaults=True) | {"kind": fact.kind}
        getattr(self._logger, fact.level)(sentence, subsystem=subsystem(fact), **details)

    def write_aside(self, subsystem: Subsystem, text: str) -> None:
        """Say at debug level what ordinary traffic there was."""
        self._logger.debug(text, subsystem=subsystem)

    def _may_log_refusal(self) -> bool:
        second = int(self._clock())
        if second != self._second:
            suppressed = self._refusals - REFUSALS_PER_SECOND
            self._second, self._refusals = second, 0
            if suppressed > 0:
                self._logger.warning(f"{suppressed} more unusable requests were not logged", subsystem="Init")
        self._refusals += 1
        return self._refusals <= REFUSALS_PER_SECOND

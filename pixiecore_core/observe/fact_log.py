"""Writes facts to the log, a line each, and keeps it from being flooded.

What one source causes again and again is rationed, and so is what many sources cause at once; a plugin that fails for a
whole room of machines is reported once for each of its hooks. Counts nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog

from pixiecore_core.engine.words import subsystem
from pixiecore_core.models.facts import FACTS, Fact, Failed, NeighbourSeen, PluginFailed, Refused, Subsystem
from pixiecore_core.observe.quota import Quota

OF_ONE_SOURCE, OF_ONE_SOURCE_SECONDS = 10, 10.0
"""Lines of one kind from one machine or address: firmware asks four times, one that is held every other second."""
OF_ONE_KIND, OF_ONE_KIND_SECONDS = 500, 10.0
"""Lines of one kind from whatever sources: a room of machines that is switched on at once."""
_ABOUT = {kind: name for kind in FACTS for name in ("file", "text", "hook") if name in kind.model_fields}
"""The field that tells apart facts of one kind and source that do not repeat each other; no kind has two of these."""
_FEWER: dict[type[Fact], int] = {Refused: 50, Failed: 100, NeighbourSeen: 20}
"""The same of what a stranger can cause at will."""


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
        self._sources: Quota[tuple[type[Fact], str, str]] = Quota(OF_ONE_SOURCE, OF_ONE_SOURCE_SECONDS)
        self._kinds: Quota[type[Fact]] = Quota(OF_ONE_KIND, OF_ONE_KIND_SECONDS)

    def write(self, fact: Fact, sentence: str) -> None:
        """Write one line, unless its kind has had its share."""
        if not self._has_room(fact, sentence):
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

    def _has_room(self, fact: Fact, sentence: str) -> bool:
        now, kind = self._clock(), type(fact)
        for quota in (self._sources, self._kinds):
            for left_out in quota.ended(now):
                self._logger.warning(
                    f"{left_out.number} more lines such as this were not logged: {left_out.example}", subsystem="Init"
                )
        source = fact.mac or (fact.source if isinstance(fact, Refused) else "")
        return self._sources.allows((kind, source, _about(fact)), sentence, None, now) and self._kinds.allows(
            kind, sentence, _FEWER.get(kind), now
        )


def _about(fact: Fact) -> str:
    """What tells apart facts of one kind and source that do not repeat each other."""
    name = _ABOUT.get(type(fact))
    return str(getattr(fact, name)) if name is not None else ""

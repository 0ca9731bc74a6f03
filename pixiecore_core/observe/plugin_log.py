"""Puts what plugins say with the standard library's ``logging`` into the server's log.

``logging.getLogger("pixiecore.NAME")`` is a plugin's way to say something that is not a fact about a boot. What
libraries say is passed on from warnings upward. Decides nothing about where lines go.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from pixiecore_core.observe.quota import Quota

_PLUGINS = "pixiecore"
OF_ONE_KIND, OF_ONE_KIND_SECONDS = 50, 10.0
"""Lines of one logger and one wording."""


@contextmanager
def listening(
    logger: structlog.typing.FilteringBoundLogger, debug: bool, soon: Callable[[Callable[[], None]], object]
) -> Iterator[None]:
    """While inside, *logger* gets what is logged elsewhere.

    :param debug: take plugins' debug lines too
    :param soon: has a function called in the event loop, from any thread
    """
    root, plugins = logging.getLogger(), logging.getLogger(_PLUGINS)
    handler, level = _Handler(logger, soon), plugins.level
    root.addHandler(handler)
    plugins.setLevel(logging.DEBUG if debug else logging.INFO)
    try:
        yield
    finally:
        plugins.setLevel(level)
        root.removeHandler(handler)


class _Handler(logging.Handler):
    """Writes a record as one line, with the name of who said it."""

    def __init__(
        self, logger: structlog.typing.FilteringBoundLogger, soon: Callable[[Callable[[], None]], object]
    ) -> None:
        super().__init__()
        self._logger = logger
        self._soon = soon
        self._quota: Quota[tuple[str, str]] = Quota(OF_ONE_KIND, OF_ONE_KIND_SECONDS)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; from any thread."""
        try:
            text = f"{record.name.removeprefix(f'{_PLUGINS}.')}: {record.getMessage()}"
        except Exception:
            self.handleError(record)  # arguments that do not fit the message: reported on standard error
            return
        details = {"exc_info": record.exc_info} if record.exc_info else {}
        level = min(record.levelno // 10 * 10, logging.CRITICAL)
        kind = record.name, str(record.msg)
        self._soon(lambda: self._write(kind, level, text, details))

    def _write(self, kind: tuple[str, str], level: int, text: str, details: dict[str, Any]) -> None:
        now = time.monotonic()
        for left_out in self._quota.ended(now):
            self._logger.warning(
                f"{left_out.number} more lines such as this were not logged: {left_out.example}", subsystem="Plugin"
            )
        if self._quota.allows(kind, text, None, now):
            self._logger.log(level, text, subsystem="Plugin", **details)

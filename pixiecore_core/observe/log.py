"""Turns events into log lines: one clear line for a person, or one JSON object for a machine.

The words that people have grepped Pixiecore's log for, "Offering to boot" and "Sent file", are the events' own text and
stay. Configures structlog once, for the command; a library user may bind a logger of their own.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, Literal, TextIO, cast

import structlog

from pixiecore_core.models import Event, EventKind

LogFormat = Literal["text", "json"]

_LEVELS: dict[EventKind, str] = {
    EventKind.REFUSED: "warning",
    EventKind.FAILED: "warning",
    EventKind.PLUGIN_FAILED: "error",
}


class Lines:
    """A stream that gathers what is written in one turn of the event loop, and passes it on at the end of the turn.

    A room of machines switched on at once makes thousands of lines, and one write costs as much as making its line.

    :param defer: has a function called soon
    """

    def __init__(self, stream: TextIO, defer: Callable[[Callable[[], None]], object]) -> None:
        self._stream = stream
        self._defer = defer
        self._gathered: list[str] = []

    def write(self, text: str) -> None:
        """Take *text*; it is written soon."""
        if not self._gathered:
            self._defer(self.release)
        self._gathered.append(text)

    def flush(self) -> None:
        """Nothing: the end of the turn is soon enough. At the very end, see :meth:`release`."""

    def release(self) -> None:
        """Write what was gathered."""
        gathered, self._gathered = self._gathered, []
        self._stream.write("".join(gathered))
        self._stream.flush()


def configure(
    log_format: LogFormat = "text",
    debug: bool = False,
    timestamps: bool = False,
    stream: TextIO | Lines | None = None,
) -> structlog.typing.FilteringBoundLogger:
    """The logger of this process.

    :param log_format: ``"text"`` as ``[DHCP] Offering to boot …``, or ``"json"``
    :param debug: also tell what was ignored, and why
    :param timestamps: put the time before each line of text; JSON always has it
    :param stream: where to; standard output by default, as with the Go Pixiecore
    """
    processors: list[structlog.typing.Processor] = [structlog.processors.add_log_level]
    if timestamps or log_format == "json":
        processors.append(structlog.processors.TimeStamper(fmt="iso", utc=False))
    processors.append(structlog.processors.format_exc_info)
    processors.append(structlog.processors.JSONRenderer() if log_format == "json" else _render_text)
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(cast("TextIO", stream) or sys.stdout),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if debug else logging.INFO),
    ).bind()  # else every line would bind it anew
    return logger


def log_event(logger: structlog.typing.FilteringBoundLogger, event: Event) -> None:
    """Write *event* as one line."""
    fields: dict[str, Any] = {"subsystem": event.subsystem, "kind": event.kind.value, **event.details}
    if event.mac is not None:
        fields["mac"] = event.mac
    getattr(logger, _LEVELS.get(event.kind, "info"))(event.message, **fields)


def _render_text(logger: Any, method: str, fields: structlog.typing.EventDict) -> str:
    """``[DHCP] message``: the message holds every fact already, so the fields stay out; exceptions do not."""
    stamp = f"{fields['timestamp']} " if "timestamp" in fields else ""
    mark = {"warning": "warning: ", "error": "error: "}.get(str(fields.get("level")), "")
    trace = f"\n{fields['exception']}" if "exception" in fields else ""
    # What a machine sent may be part of it, and must not write lines or move the cursor of its own.
    text = str(fields["event"])
    if not text.isprintable():
        text = "".join(character if character.isprintable() else "�" for character in text)
    return f"{stamp}[{fields.get('subsystem', 'Init')}] {mark}{text}{trace}"

"""Where log lines go: one clear line for a person, or one JSON object for a machine, and never a wait for the reader.

Configures structlog once, for the command; a library user may bind a logger of their own. Words no line itself.
"""

from __future__ import annotations

import logging
import os
import select
import stat
import sys
import time
from collections.abc import Callable
from typing import Any, Literal, TextIO, cast

import structlog

from pixiecore_core.hidden import without_secrets
from pixiecore_core.printable import printable

LogFormat = Literal["text", "json"]

MAX_WAITING = 1_000_000
"""How many bytes are kept for a slow reader; anything beyond that is dropped and counted."""
RETRY_SECONDS = 0.05
_ALL = 1 << 30


class Lines:
    """A stream that gathers what is written in one turn of the event loop, and passes it on at the end of the turn.

    A room of machines switched on at once makes thousands of lines, and one write costs as much as making its line.
    Never waits for the reader of a pipe or a terminal: a little of what cannot be written is kept and tried again.

    :param defer: has a function called soon
    :param later: has a function called after so many seconds; needed for streams with a descriptor
    :param poll: makes the operating system's own ``poll``, where :mod:`select` has been patched
    """

    def __init__(
        self,
        stream: TextIO,
        defer: Callable[[Callable[[], None]], object],
        later: Callable[[float, Callable[[], None]], object] | None = None,
        poll: Callable[[], select.poll] = select.poll,
    ) -> None:
        self._stream = stream
        self._defer = defer
        self._pipe = _Pipe(stream, poll) if later is not None and _has_descriptor(stream) else None
        self._later = later
        self._gathered: list[str] = []
        self._retrying = False
        self._lost = 0
        self.on_loss: Callable[[int], object] = lambda lines: None
        """Told how many lines had to be dropped, when there is room again."""
        self.around: Callable[[str], str] = str
        """Makes of what is written in one turn what goes out, such as a table below it."""

    def write(self, text: str) -> None:
        """Take *text*; it is written soon."""
        if not self._gathered:
            self._defer(self.release)
        self._gathered.append(text)

    @property
    def waiting(self) -> bool:
        """Whether something waits for a slow reader."""
        return self._pipe is not None and bool(self._pipe.waiting)

    def flush(self) -> None:
        """Nothing: the end of the turn is soon enough. At the very end, see :meth:`finish`."""

    def release(self) -> None:
        """Write what was gathered, or as much of it as can be written without waiting."""
        gathered, self._gathered = self._gathered, []
        if self.around is not str:
            gathered = [self.around("".join(gathered))]
        if self._pipe is None:
            self._stream.write("".join(gathered))
            self._stream.flush()
            return
        # Once lines are lost, all are until there is room to speak of: the gap is in one place, and is reported there.
        self._lost += len(gathered) if self._lost else self._pipe.add(gathered)
        self._pipe.write()
        if self._lost and len(self._pipe.waiting) < MAX_WAITING // 2:
            self._tell_loss()
        if self._pipe.waiting:
            self._retry()

    def finish(self, seconds: float = 0.3) -> None:
        """Write what is left, wait that long at most for a slow reader, and give up on the rest."""
        self.release()
        if self._pipe is not None:
            self._pipe.write(seconds)
            if self._lost:
                self._tell_loss()
                self.release()
            self._pipe.give_up()

    def _tell_loss(self) -> None:
        lost, self._lost = self._lost, 0
        self.on_loss(lost)

    def _retry(self) -> None:
        if self._later is not None and not self._retrying:
            self._retrying = True
            self._later(RETRY_SECONDS, self._again)

    def _again(self) -> None:
        self._retrying = False
        self.release()


class _Pipe:
    """A descriptor that is written to only when it can be, and what is waiting for that."""

    def __init__(self, stream: TextIO, poll: Callable[[], select.poll]) -> None:
        stream.flush()
        self._encoding = stream.encoding or "utf-8"
        self._descriptor = stream.fileno()
        mode = os.fstat(self._descriptor).st_mode
        # A file takes all. What else can be written to takes at least this much at once.
        self._most = _ALL if stat.S_ISREG(mode) else select.PIPE_BUF
        terminal = _anew(self._descriptor) if stat.S_ISCHR(mode) else None
        if terminal is not None:
            self._descriptor, self._most = terminal, _ALL
        self._poll = poll()
        self._poll.register(self._descriptor, select.POLLOUT)
        self.waiting = bytearray()
        self._gone = False

    def add(self, lines: list[str]) -> int:
        """Take *lines*, as far as there is room for what waits.

        :returns: how many there was no room for
        """
        if self._gone:
            return 0
        data = "".join(lines).encode(self._encoding, "backslashreplace")
        if not self.waiting or len(self.waiting) + len(data) <= MAX_WAITING:
            self.waiting += data
            return 0
        for number, line in enumerate(lines):
            encoded = line.encode(self._encoding, "backslashreplace")
            if len(self.waiting) + len(encoded) > MAX_WAITING:
                return len(lines) - number
            self.waiting += encoded
        return 0

    def write(self, seconds: float = 0.0) -> None:
        """Write what can be written; wait that long for it at most."""
        until = time.monotonic() + seconds
        done = 0
        while done < len(self.waiting) and not self._gone:
            if not self._poll.poll(max(0.0, until - time.monotonic()) * 1000):
                break
            try:
                done += os.write(self._descriptor, self.waiting[done : done + self._most])
            except BrokenPipeError:
                self.give_up()  # the reader is gone; that ends no boot
            except OSError:
                break  # no room after all, or a full disk, perhaps for a while
        del self.waiting[:done]

    def give_up(self) -> None:
        """Write nothing more."""
        self._gone = True
        self.waiting.clear()


def _has_descriptor(stream: TextIO) -> bool:
    try:
        return stream.fileno() >= 0
    except (AttributeError, OSError, ValueError):
        return False


def _anew(terminal: int) -> int | None:
    """A terminal opened anew, so that writing to it never waits, and yet stays as it is for the shell."""
    try:
        return os.open(f"/proc/self/fd/{terminal}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return None


def configure(
    log_format: LogFormat = "text",
    debug: bool = False,
    timestamps: bool = False,
    stream: TextIO | Lines | None = None,
) -> structlog.typing.FilteringBoundLogger:
    """The logger of this process.

    :param log_format: ``"text"`` as ``[DHCP] Offering to boot …``, or ``"json"``
    :param debug: also log what was ignored, and why
    :param timestamps: put the time before each line of text; JSON always has it
    :param stream: where to; standard output by default, as with the Go Pixiecore
    """
    processors: list[structlog.typing.Processor] = [structlog.processors.add_log_level]
    if timestamps or log_format == "json":
        processors.append(structlog.processors.TimeStamper(fmt="iso", utc=False))
    processors += [structlog.processors.format_exc_info, _hide_secrets]
    processors.append(structlog.processors.JSONRenderer() if log_format == "json" else _render_text)
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(cast("TextIO", stream) or sys.stdout),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if debug else logging.INFO),
    ).bind()  # else every line would bind it anew
    if isinstance(stream, Lines):
        stream.on_loss = lambda lines: logger.warning(
            f"{lines} lines were lost because their reader was too slow", subsystem="Init"
        )
    return logger


def _hide_secrets(logger: Any, method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """No line holds one, whoever wrote it: the core, a plugin, or a library in its traceback."""
    for key, value in fields.items():
        if isinstance(value, str):
            fields[key] = without_secrets(value)
    return fields


def _render_text(logger: Any, method: str, fields: structlog.typing.EventDict) -> str:
    """``[DHCP] message``: the message holds every fact already, so the fields stay out; exceptions do not."""
    stamp = f"{fields['timestamp']} " if "timestamp" in fields else ""
    mark = {"warning": "warning: ", "error": "error: "}.get(str(fields.get("level")), "")
    trace = f"\n{fields['exception']}" if "exception" in fields else ""
    # What a machine sent may be part of it, and must not write its own lines or move the cursor.
    text = printable(str(fields["event"]))
    return f"{stamp}[{fields.get('subsystem', 'Init')}] {mark}{text}{trace}"

"""Syslog as booted systems send it: RFC 5424, RFC 3164, and what stands between them in practice.

Bytes in, a line out. Never raises: what is no syslog at all is a text without a program, as RFC 3164 section 4.3.3 has
it. Knows no clock and no sender; what a line claims of its time and host is left out, since neither can be believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 2048
"""Bytes of a line that are read (RFC 5426 section 3.2: what a receiver should take); the rest is cut off."""
NOTICE = 5

_PRIORITY = re.compile(r"<(\d{1,3})>")
_HIGHEST_PRIORITY = 191  # 23 facilities of 8 severities, RFC 5424 section 6.2.1
_RFC5424 = re.compile(
    r"1 \S+ \S+ (?P<program>\S+) \S+ \S+ "
    r'(?:-|(?:\[(?:[^\]"\\]|\\.|"(?:[^"\\]|\\.)*")*\])+)'  # structured data, section 6.3
    r"(?: (?P<text>.*))?",
    re.DOTALL,
)
_TIME = re.compile(r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]{5,20}(?:Z|[+-]\d\d:?\d\d)?) ")
"""RFC 3164 section 4.1.2, or that of RFC 3339, as in rsyslog's RSYSLOG_ForwardFormat."""
_TAG = re.compile(r"(?P<program>[^\s:\[\]]{1,48})(?:\[[^\]\s]{0,32}\])?:(?: (?P<text>.*)|$)", re.DOTALL)
_HOST = re.compile(r"\S{1,255} ")
_COUNTED = re.compile(rb"([1-9]\d{0,4}) ")


@dataclass(frozen=True, slots=True)
class SyslogLine:
    """One line."""

    severity: int
    """0 emergency to 7 debug."""
    program: str
    """Empty where the line does not say."""
    text: str


def parse(data: bytes) -> SyslogLine | None:
    """The line in *data*; ``None`` if it says nothing."""
    text = data[:LONGEST].decode("utf-8", "replace").strip("\0\r\n \ufeff")
    severity = NOTICE
    if (priority := _PRIORITY.match(text)) is not None and int(priority[1]) <= _HIGHEST_PRIORITY:
        severity, text = int(priority[1]) & 7, text[priority.end() :]
    if (found := _RFC5424.fullmatch(text)) is not None:
        program = "" if found["program"] == "-" else found["program"]
        return _line(severity, program, (found["text"] or "").removeprefix("\ufeff"))
    time = _TIME.match(text)
    text = text[time.end() :] if time is not None else text
    tagged = _TAG.match(text)
    # busybox's syslogd and /dev/log leave the host name out; rsyslog puts it in.
    if tagged is None and time is not None and (host := _HOST.match(text)) is not None:
        tagged = _TAG.match(text, host.end())
    if tagged is None:
        return _line(severity, "", text)
    return _line(severity, tagged["program"], tagged["text"] or "")


def _line(severity: int, program: str, text: str) -> SyslogLine | None:
    program, text = _plain(program)[:48], _plain(text)
    return SyslogLine(severity, program, text) if program or text else None


def _plain(text: str) -> str:
    """*text* in one line, without what a terminal would obey."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


class SyslogStream:
    """Takes a TCP connection apart into lines: by their length, or by the end of line (RFC 6587 section 3.4)."""

    def __init__(self) -> None:
        self._left = b""
        self._skipping = 0
        """Bytes that still belong to a line of which enough has been read; -1 until its end of line."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that are complete now, of at most :data:`LONGEST` bytes; what is kept for later is no longer."""
        self._left += data
        while self._left:
            if self._skipping:
                if not self._skip():
                    return
                continue
            counted = _COUNTED.match(self._left)
            if counted is not None:
                length, start = int(counted[1]), counted.end()
                if len(self._left) - start < min(length, LONGEST):
                    return
                yield self._left[start : start + min(length, LONGEST)]
                self._left = self._left[start + min(length, LONGEST) :]
                self._skipping = max(0, length - LONGEST)
                continue
            end = self._left.find(b"\n", 0, LONGEST + 1)
            if end >= 0:
                yield self._left[:end]
                self._left = self._left[end + 1 :]
            elif len(self._left) > LONGEST:
                yield self._left[:LONGEST]
                self._left, self._skipping = self._left[LONGEST:], -1
            else:
                return

    def _skip(self) -> bool:
        """Drop what belongs to a line that is too long; whether its end has been reached."""
        if self._skipping < 0:
            _, newline, self._left = self._left.partition(b"\n")
            self._skipping = 0 if newline else -1
            return bool(newline)
        dropped = min(self._skipping, len(self._left))
        self._left, self._skipping = self._left[dropped:], self._skipping - dropped
        return not self._skipping

"""The heads of an HTTP/1 connection in a capture: requests and responses with their times; bodies are only counted.

Lenient, unlike http1.py: it tells what was said between others, and answers nobody. Bounded, and raises nothing.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, replace

LONGEST_HEAD = 32 << 10
"""Bytes."""
_MOST_FIELDS = 100
_MOST_UNANSWERED = 1000
_LONGEST_CHUNK_LINE = 256
_REQUEST = re.compile(r"([A-Z]{1,20}) (\S{1,8192}) HTTP/1\.[01]")
_RESPONSE = re.compile(r"HTTP/1\.[01] ([1-5][0-9][0-9])(?: (.*))?")
_BEGINS = re.compile(rb"(?:[A-Z]{1,20} \S|HTTP/1\.[01] [1-5])")
_TELLING = 24
"""Bytes after which it must look like a head."""
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")
_OPEN = 1 << 62
"""Of a body that ends with its connection."""


@dataclass(frozen=True, slots=True)
class Head:
    """A request's, or a response's."""

    at: int
    """Nanoseconds: when its last byte was seen."""
    method: str = ""
    target: str = ""
    """As sent, such as ``/_/ipxe?mac=…``."""
    status: int = 0
    """0 for a request."""
    reason: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    """The header fields, their names in lower case."""
    began: int = 0
    """Nanoseconds: when its first byte was seen."""

    def field(self, name: str) -> str:
        """The first field's value, or nothing."""
        return next((value for key, value in self.fields if key == name), "")


@dataclass(frozen=True, slots=True)
class Body:
    """That of the head before it, at its end."""

    at: int
    size: int
    """Bytes that were seen, or must have gone by: the framing of chunks not counted."""
    missing: int = 0
    """Bytes of them that were not captured."""
    complete: bool = True
    """Whether it came to the end that its head promised. Where bytes are missing and nothing follows, the capture does
    not say."""
    promised: int | None = None
    """Bytes, where the head said how many."""


class Heads:
    """Reads one direction.

    :param methods: of the requests that are not answered yet: the requests' reader adds, the responses' takes
    :param responses: which of the two it is
    """

    def __init__(self, methods: deque[str], responses: bool) -> None:
        self._methods = methods
        self._responses = responses
        self._buffer = b""
        self._began = 0
        self._lost = False
        """Whether we are in the middle of something that cannot be told."""
        self._left = 0
        """Bytes of the body, or of its chunk, that are to come."""
        self._chunked = False
        self._body: Body | None = None

    def take(self, at: int, data: bytes) -> list[Head | Body]:
        """What is complete with *data*."""
        found: list[Head | Body] = []
        if self._lost:
            # A segment that begins like a head is where it can be told again.
            if not _BEGINS.match(data):
                return found
            self._lost = False
        if not self._buffer:
            self._began = at
        self._buffer += data
        while self._buffer and self._step(at, found):
            self._began = at
        return found

    def skip(self, at: int, size: int) -> list[Head | Body]:
        """*size* bytes are missing here."""
        found: list[Head | Body] = []
        if self._left >= size:
            self._count(at, size, found, missing=size)
            return found
        found += self.finish(at)
        self._lost = True
        return found

    def finish(self, at: int) -> list[Head | Body]:
        """Nothing more comes: the connection, or the capture, is at its end."""
        found: list[Head | Body] = []
        self._buffer = b""
        if self._body is not None:
            self._end(at, found, complete=self._left > _OPEN // 2)
        return found

    def _step(self, at: int, found: list[Head | Body]) -> bool:
        """Take what the buffer begins with; ``False`` if it is not there yet, or is nothing that can be told."""
        if self._left:
            took = min(self._left, len(self._buffer))
            self._buffer = self._buffer[took:]
            self._count(at, took, found)
            return True
        return self._chunk(at, found) if self._chunked else self._head(at, found)

    def _count(self, at: int, size: int, found: list[Head | Body], missing: int = 0) -> None:
        assert self._body is not None
        self._left -= size
        self._body = replace(self._body, size=self._body.size + size, missing=self._body.missing + missing)
        if not self._left and not self._chunked:
            self._end(at, found)

    def _end(self, at: int, found: list[Head | Body], complete: bool = True) -> None:
        assert self._body is not None
        found.append(replace(self._body, at=at, complete=complete))
        self._body, self._chunked, self._left = None, False, 0

    def _head(self, at: int, found: list[Head | Body]) -> bool:
        self._buffer = self._buffer.lstrip(b"\r\n")  # RFC 9112 section 2.2, and what ends a body of chunks
        text, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end and len(text) <= LONGEST_HEAD and (len(text) < _TELLING or _BEGINS.match(text)):
            return False
        head = _head(text.decode("latin-1"), at, self._began, self._responses) if end else None
        if head is None:
            self._lose()
            return False
        self._buffer = rest
        found.append(head)
        self._expect(head)
        if self._body is not None and not self._left and not self._chunked:
            self._end(at, found)
        return True

    def _expect(self, head: Head) -> None:
        """What follows *head*: RFC 9112 section 6.3."""
        method = ""
        if self._responses:
            if head.status < 200:
                return
            method = self._methods.popleft() if self._methods else ""
        elif len(self._methods) < _MOST_UNANSWERED:
            self._methods.append(head.method)
        if method == "HEAD" or head.status in (204, 304):
            return
        length = head.field("content-length")
        if head.field("transfer-encoding").lower().endswith("chunked"):
            self._chunked, self._body = True, Body(head.at, 0)
        elif length.isascii() and length.isdigit() and len(length) < 16:
            self._left = int(length)
            self._body = Body(head.at, 0, promised=self._left)
        elif self._responses:
            self._left, self._body = _OPEN, Body(head.at, 0)

    def _chunk(self, at: int, found: list[Head | Body]) -> bool:
        """The line before a chunk, which says how long that is."""
        line, end, rest = self._buffer.removeprefix(b"\r\n").partition(b"\r\n")
        if not end and len(line) <= _LONGEST_CHUNK_LINE:
            return False
        digits = line.partition(b";")[0].strip()
        if not end or _CHUNK_SIZE.fullmatch(digits) is None:
            self._end(at, found, complete=False)
            self._lose()
            return False
        self._buffer, self._left = rest, int(digits, 16)
        if not self._left:
            self._end(at, found)
        return True

    def _lose(self) -> None:
        self._buffer, self._lost = b"", True


def _head(text: str, at: int, began: int, response: bool) -> Head | None:
    first, *lines = text.split("\r\n")
    pairs = [line.partition(":") for line in lines[:_MOST_FIELDS]]
    fields = tuple((name.strip().lower(), value.strip()) for name, colon, value in pairs if colon)
    if response:
        found = _RESPONSE.fullmatch(first)
        return Head(at, "", "", int(found[1]), found[2] or "", fields, began) if found else None
    found = _REQUEST.fullmatch(first)
    return Head(at, found[1], found[2], fields=fields, began=began) if found else None

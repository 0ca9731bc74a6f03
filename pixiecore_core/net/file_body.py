"""An open boot file as an HTTP response: which bytes, which headers, and the body as it is read.

HEAD, Range, If-Range, If-Match and If-None-Match as RFC 9110 sections 13 and 14 have them, so that firmware can resume.
Knows nothing about who asked or why.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import gevent
from werkzeug.wrappers import Request, Response

from pixiecore_core.errors import BootFileError
from pixiecore_core.models import BootFile
from pixiecore_core.observe.progress import Moving

CHUNK = 512 << 10
"""Bytes read and sent at once; large enough that Python costs little, small enough that clients take turns."""
_FIRST = 64 << 10
STALL_SECONDS = 60.0
"""How long a client may take to read anything."""
CONNECTION = "pixiecore.connection"
"""Where in a request's environ the descriptor of its socket is."""

_TYPES = {
    # EDK2 judges what it got by the type before the name (HttpBootSupport.c).
    ".efi": "application/efi",
    ".iso": "application/vnd.efi-iso",
    ".img": "application/vnd.efi-img",
    ".ipxe": "text/plain; charset=utf-8",
}

Done = Callable[[int, int, str | None], None]
"""Told how many bytes were sent, how many there were to send, and why not all, if so."""


Begin = Callable[[], Moving | None]
"""Makes what is told how far a body is."""
Look = Callable[[bytes], object]
"""Shown the first bytes of a file."""


@runtime_checkable
class _SendsItself(Protocol):
    """A byte source that needs no memory of ours on its way out, as local files do not."""

    def send_to(self, connection: int, offset: int, length: int, patience: float) -> int:
        """Send up to *length* bytes from *offset* to a socket, given by its descriptor.

        :returns: how many were sent; 0 if the rest must be read with ``read_at``
        """


@dataclass(slots=True)
class FileBody:
    """The bytes from *start* to *stop*, and what became of them. The server closes it, whatever happens.

    :param connection: descriptor of the socket that everything goes out of in the end, where there is one
    :param moving: is told how far it is
    :param look: is shown how the file begins, where the body begins with that
    """

    file: BootFile
    start: int
    stop: int
    done: Done
    connection: int | None = None
    moving: Moving | None = None
    look: Look | None = None
    sent: int = 0
    reason: str | None = "the client went away"

    def __iter__(self) -> Iterator[bytes]:
        source = self.file.source
        offset = self.start
        try:
            while offset < self.stop:
                length = min(CHUNK, self.stop - offset)
                # The first part goes the common way, and with it the headers that pywsgi holds back until then.
                if offset > self.start and self.connection is not None and isinstance(source, _SendsItself):
                    length = source.send_to(self.connection, offset, length, STALL_SECONDS)
                else:
                    length = 0
                if not length:
                    part = source.read_at(offset, min(CHUNK if offset > self.start else _FIRST, self.stop - offset))
                    if not part:
                        raise BootFileError(f"{self.file.name} ended after {offset:,} of {self.file.size:,} bytes")
                    if offset == 0 and self.look is not None:
                        self.look(part)
                    yield part
                    length = len(part)
                    # A client that reads as fast as we send never makes us wait: the others' turn all the same.
                    gevent.sleep(0)
                offset += length
                self.sent += length
                if self.moving is not None:
                    self.moving.bytes = offset
        except TimeoutError:
            self.reason = "the client stopped reading"
            raise
        except OSError:
            raise  # the client went away
        except Exception as error:
            self.reason = str(error) if isinstance(error, BootFileError) else f"{type(error).__name__}: {error}"
            # The length is promised and cannot be kept: only a broken connection says so to the client.
            raise ConnectionResetError(errno.ECONNRESET, self.reason) from error
        self.reason = None

    def close(self) -> None:
        """Free the file and report."""
        try:
            self.file.source.close()
        finally:
            self.done(self.sent, self.stop - self.start, self.reason)


def respond(
    request: Request, file: BootFile, done: Done, begin: Begin = lambda: None, look: Look | None = None
) -> Response:
    """*file* as the answer to *request*; closes it at once where no body is sent.

    :param begin: called when there is a body to send
    :param look: see :class:`FileBody`
    """
    headers = {"Accept-Ranges": "bytes", "Content-Type": _TYPES.get(os.path.splitext(file.name)[1].lower(), _BINARY)}
    if file.etag:
        headers["ETag"] = file.etag
    status, start, stop = _select(request, file)
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
    if status == 416:
        headers["Content-Range"] = f"bytes */{file.size}"
    if status in (200, 206):
        headers["Content-Length"] = str(stop - start)
    if status not in (200, 206) or request.method == "HEAD":
        file.source.close()
        return Response(status=status, headers=headers)
    body = FileBody(file, start, stop, done, request.environ.get(CONNECTION), begin(), look)
    return Response(body, status, headers, direct_passthrough=True)


_BINARY = "application/octet-stream"


def _select(request: Request, file: BootFile) -> tuple[int, int, int]:
    """Status, first byte and end."""
    tag = file.etag.strip('"')
    if request.if_match and not (tag and request.if_match.contains(tag)):
        return 412, 0, 0
    if tag and request.if_none_match and request.if_none_match.contains(tag):
        return 304, 0, 0
    wanted = request.range
    unconditional = request.if_range is None or (request.if_range.etag is None and request.if_range.date is None)
    # RFC 9110 section 13.1.5: a weak tag promises other bytes, perhaps.
    weak = request.headers.get("If-Range", "").startswith("W/")
    same = unconditional or (tag != "" and request.if_range.etag == tag and not weak)
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1 or not same:
        # Several ranges at once are a multipart answer, which no boot client asks for; the whole is allowed instead.
        return 200, 0, file.size
    first, _ = wanted.ranges[0]
    if first is not None and first < 0 and -first > file.size > 0:
        return 206, 0, file.size  # RFC 9110 section 14.1.2: the last so many bytes of a shorter file are all of it
    span = wanted.range_for_length(file.size)
    return (206, *span) if span is not None else (416, 0, 0)

"""Asks other web servers for boot files: one session, time limits on everything, errors in words.

Streams bytes through as they come, and asks again by Range where a reader jumps or a connection breaks. Keeps nothing:
see :mod:`pixiecore_core.files.cache`.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from http.client import RemoteDisconnected
from typing import IO

import gevent
import requests
from urllib3.exceptions import HTTPError

from pixiecore_core.errors import BootFileError, BootFileNotFound, BootFileTimeout
from pixiecore_core.files.disk import DiskFile, on_disk_thread
from pixiecore_core.files.freshness import Validators, validators
from pixiecore_core.files.reach import OutwardSession
from pixiecore_core.hidden import without_secrets
from pixiecore_core.models import BootFile, FileRef

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
"""How long upstream may send nothing."""
ANSWER_SECONDS = 60.0
"""How long an answer's headers may take, all redirects included."""
REDIRECTS = 10
_LONGEST_REASON = 100
SPOOL_SECONDS = 30.0
"""How long a client waits while a body without a length is fetched whole. iPXE 2.0 itself gives up after 120 s."""
SPOOL_LIMIT = 4 << 30
"""Bytes; an upstream that never ends must not fill the disk."""
PIECE = 256 << 10
"""The most bytes read at once."""
_IDENTITY = {"Accept-Encoding": "identity"}  # else Content-Length would count compressed bytes


class Unreachable(BootFileError):
    """Upstream cannot be asked just now, but perhaps later."""


class Answer:
    """An upstream's answer whose body has not been read.

    :param url: that was asked for
    """

    def __init__(self, url: str, response: requests.Response) -> None:
        self.url = url
        self.status = response.status_code
        self.headers = response.headers
        self.validators: Validators = validators(response.headers)
        self._response = response
        self._timeout = f"{shown(url)}: upstream sent nothing for {READ_SECONDS:g} s"

    @property
    def length(self) -> int | None:
        """Bytes of the body, where upstream says so."""
        text = self.headers.get("Content-Length", "")
        chunked = "Transfer-Encoding" in self.headers  # RFC 9112 section 6.3: the length then means nothing
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and not chunked else None

    @property
    def ends_by_itself(self) -> bool:
        """Whether a cut-off body can be told from a whole one: by its length, or by its last chunk."""
        return self.length is not None or "chunked" in self.headers.get("Transfer-Encoding", "").lower()

    def check(self) -> None:
        """Raise what any status but 200 means.

        :raises BootFileNotFound: 404 or 410
        :raises BootFileError: another one
        """
        if self.status != 200:
            self.close()
            kind = BootFileNotFound if self.status in (404, 410) else BootFileError
            reason = "".join(filter(str.isprintable, str(self._response.reason or "")))[:_LONGEST_REASON]
            raise kind(f"{shown(self.url)}: upstream says {self.status} {reason}")

    def continues(self, offset: int, size: int, same: Validators) -> bool:
        """Whether this is the rest of a file of *size* bytes, from *offset*, of the version *same*.

        A server that ignores If-Range sends the rest of whatever file it has now, so what it says of it must agree.
        """
        said = self.headers.get("Content-Range", "")
        if self.status != 206 or said != f"bytes {offset}-{size - 1}/{size}":
            return False
        mine = self.validators
        if same.strong_etag or mine.strong_etag:
            return same.strong_etag == mine.strong_etag
        return same.last_modified == mine.last_modified

    def read(self, most: int) -> bytes:
        """What has arrived of the body, at most so many bytes; waits for some. Nothing at its end.

        :raises ConnectionError: the connection broke before the end
        :raises BootFileTimeout: upstream sent nothing for :data:`READ_SECONDS`
        """
        try:
            data: bytes = self._response.raw.read1(most, decode_content=False)
        except (HTTPError, OSError) as error:
            if isinstance(_cause(error), TimeoutError) or "timed out" in str(error):
                raise BootFileTimeout(self._timeout) from error
            raise ConnectionError(_reason(error)) from error
        except ValueError as error:
            # http.client of a chunk's length that never came.
            raise ConnectionError("the connection broke") from error
        return data

    def close(self) -> None:
        """Give up the connection."""
        self._response.close()


class Upstream:
    """The way to other web servers. Proxies and certificates as requests takes them from the environment."""

    def __init__(self) -> None:
        self._session = OutwardSession(REDIRECTS)
        # requests would read a redirect's body whole, and unpack it, before it follows.
        self._session.hooks["response"].append(_leave_redirect_unread)

    def get(self, url: str, headers: dict[str, str] | None = None) -> Answer:
        """Ask for *url*; waits for the answer's headers.

        :raises BootFileTimeout: it does not answer in time
        :raises Unreachable: it cannot be reached, or redirects in a circle or to where no redirect may lead
        """
        try:
            # All of it: a server may also send its headers drop by drop, or redirect again and again.
            with gevent.Timeout(ANSWER_SECONDS, requests.Timeout()):
                response = self._get(url, {**_IDENTITY, **(headers or {})})
        except requests.Timeout as error:
            raise BootFileTimeout(f"{shown(url)}: upstream does not answer") from error
        except (requests.RequestException, HTTPError, ValueError) as error:
            # urllib3 and requests let ValueErrors of odd URLs and redirects through.
            raise Unreachable(f"{shown(url)}: {_reason(error)}") from error
        return Answer(url, response)

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response:
        """Ask, and ask again where a connection that had been kept open turns out to be closed."""
        timeout = (CONNECT_SECONDS, READ_SECONDS)
        try:
            return self._session.get(url, headers=headers, stream=True, timeout=timeout)
        except requests.ConnectionError as error:
            if not isinstance(_cause(error), (RemoteDisconnected, ConnectionResetError, BrokenPipeError)):
                raise
            return self._session.get(url, headers=headers, stream=True, timeout=timeout)

    def get_rest(self, url: str, offset: int, size: int, same: Validators) -> Answer:
        """Ask for the bytes of *url* from *offset* on.

        :param same: the version that they must be of
        :raises BootFileTimeout: upstream does not answer in time
        :raises Unreachable: it cannot be reached, or is in trouble
        :raises BootFileError: the file has changed, or cannot be fetched in parts
        """
        condition = same.if_same()
        if not condition and offset:
            raise BootFileError(f"{shown(url)}: upstream does not say which version it sends, so none can be continued")
        answer = self.get(url, {"Range": f"bytes={offset}-", **condition})
        if not answer.continues(offset, size, same):
            answer.close()
            if answer.status >= 500:
                raise Unreachable(f"{shown(url)}: upstream says {answer.status}")
            raise BootFileError(f"{shown(url)} cannot be read from the middle, or has changed")
        return answer


class PassedThrough:
    """A byte source that reads from upstream as its reader does: forward at best.

    :param answer: whose body begins at *offset*
    :param digest: what the whole must hash to, with the hash of the bytes before *offset*; the last byte is not given
        out before it is known to be right
    """

    def __init__(
        self, upstream: Upstream, answer: Answer, size: int, offset: int = 0, digest: Digest | None = None
    ) -> None:
        self._upstream = upstream
        self._answer = answer
        self._validators = answer.validators
        self._size = size
        self._position = offset
        self._digest = digest

    def read_at(self, offset: int, length: int) -> bytes:
        """Between one and *length* bytes from *offset*.

        :raises BootFileError: upstream failed, ended early, has changed the file meanwhile, or sent a wrong one
        """
        url = self._answer.url
        wanted = min(length, self._size - offset)
        if wanted <= 0:
            return b""
        if offset != self._position:
            if self._digest is not None:
                raise BootFileError(f"{shown(url)}: a part alone cannot be verified without a cache")
            self._go_to(offset)
        try:
            data = self._answer.read(min(wanted, PIECE))
        except ConnectionError as error:
            raise BootFileError(f"{shown(url)}: {error}") from error
        if not data:
            raise BootFileError(f"{shown(url)} ended after {offset:,} of {self._size:,} bytes")
        self._position += len(data)
        if self._digest is not None:
            self._digest.take(data, self._position == self._size, url)
        return data

    def _go_to(self, offset: int) -> None:
        """Ask for the rest, or read past what is not wanted where upstream gives no parts (Python's http.server)."""
        try:
            rest = self._upstream.get_rest(self._answer.url, offset, self._size, self._validators)
        except BootFileError:
            if offset < self._position:
                raise
            while self._position < offset:
                self.read_at(self._position, offset - self._position)
            return
        self._answer.close()
        self._answer = rest
        self._position = offset

    def close(self) -> None:
        """Give up the upstream connection."""
        self._answer.close()


class Digest:
    """Checks bytes that pass by against a sha256.

    :param so_far: the hash of what went before
    """

    def __init__(self, expected: str, so_far: hashlib._Hash | None = None) -> None:
        self._expected = expected
        self._hash = so_far or hashlib.sha256()

    def take(self, data: bytes, last: bool, url: str) -> None:
        """Take the next bytes.

        :raises BootFileError: they were the last, and the whole is not what it must be
        """
        self._hash.update(data)
        if last and self._hash.hexdigest() != self._expected:
            raise BootFileError(wrong_digest(url, self._hash.hexdigest(), self._expected))


def pass_through(upstream: Upstream, ref: FileRef) -> BootFile:
    """Open the URL *ref* for one reader, without keeping it.

    :raises BootFileNotFound: upstream says 404 or 410
    :raises BootFileError: upstream cannot be reached, or says anything else but 200
    """
    answer = upstream.get(ref.location)
    answer.check()
    digest = Digest(ref.sha256) if ref.sha256 else None
    if answer.length is None:
        size, source = _spool(answer, digest)
        return BootFile(name=ref.name, size=size, etag=answer.validators.strong_etag, source=source)
    passed = PassedThrough(upstream, answer, answer.length, digest=digest)
    return BootFile(name=ref.name, size=answer.length, etag=answer.validators.strong_etag, source=passed)


class Spooled:
    """A byte source over a file of our own that has no name."""

    def __init__(self, spool: IO[bytes], size: int) -> None:
        self._spool = spool
        self._size = size
        self._file = DiskFile(spool.fileno())

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to *length* bytes from *offset*."""
        return self._file.read(offset, max(0, min(length, self._size - offset)))

    def close(self) -> None:
        """Close it, and with it free its bytes."""
        self._spool.close()


def _spool(answer: Answer, digest: Digest | None) -> tuple[int, Spooled]:
    """Fetch the whole body first: without a Content-Length iPXE is very slow, and firmware refuses (LAB.md).

    :raises BootFileError: it is not available, is endless, or is not what it must be
    """
    url = answer.url
    give_up = time.monotonic() + SPOOL_SECONDS
    spool: IO[bytes] = tempfile.TemporaryFile(prefix="pixiecore-")  # noqa: SIM115 - the source closes it
    size = 0
    try:
        while data := answer.read(PIECE):
            on_disk_thread(spool.write, data)
            size += len(data)
            if digest is not None:
                digest.take(data, False, url)
            if size > SPOOL_LIMIT:
                raise BootFileError(f"{shown(url)}: upstream gives no length, and sends over {SPOOL_LIMIT >> 30} GiB")
            if time.monotonic() > give_up:
                raise BootFileTimeout(f"{shown(url)}: upstream gives no length, and takes over {SPOOL_SECONDS:g} s")
        on_disk_thread(spool.flush)
        if digest is not None:
            digest.take(b"", True, url)
    except OSError as error:  # ours of the disk, or upstream's ConnectionError
        spool.close()
        raise BootFileError(f"{shown(url)}: {error.strerror or error}") from error
    except BootFileError:
        spool.close()
        raise
    finally:
        answer.close()
    return size, Spooled(spool, size)


def _leave_redirect_unread(response: requests.Response, **_: object) -> requests.Response:
    if response.is_redirect:
        response._content = b""
        response.close()
    return response


def wrong_digest(url: str, found: str, expected: str) -> str:
    """What to say about a file that is not the one that was asked for."""
    return f"{shown(url)} has sha256 {found}, not {expected}: it is damaged, or has been changed"


def shown(url: str) -> str:
    """*url* without the secrets that may be in it."""
    return without_secrets(url)


def _cause(error: BaseException) -> BaseException:
    """The innermost cause: requests wraps what happened two or three times."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


def _reason(error: Exception) -> str:
    if isinstance(error, requests.TooManyRedirects):
        return f"it redirects more than {REDIRECTS} times"
    cause = _cause(error)
    return str(cause) or type(cause).__name__

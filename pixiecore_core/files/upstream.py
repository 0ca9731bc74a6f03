"""Boot files on other web servers, passed through as they arrive.

Each transfer has its own upstream request with time limits; the bytes are never held in memory beyond a chunk. An
upstream that gives no length is spooled to a temporary file first, because iPXE is very slow without one. Keeps no
cache: every transfer asks upstream.
"""

from __future__ import annotations

import tempfile
from typing import IO

import requests

from pixiecore_core.errors import BootFileError, BootFileNotFound
from pixiecore_core.models import BootFile, FileRef

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
SPOOL_LIMIT = 4 << 30
"""Bytes; an upstream that never ends must not fill the disk."""
_CHUNK = 256 << 10
_IDENTITY = {"Accept-Encoding": "identity"}  # else Content-Length would count compressed bytes


class UpstreamFile:
    """A byte source over HTTP: streams forward, and asks again by Range where a reader jumps."""

    def __init__(self, url: str, size: int, etag: str, response: requests.Response) -> None:
        self._url = url
        self._size = size
        self._etag = etag
        self._response = response
        self._position = 0

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to *length* bytes from *offset*.

        :raises BootFileError: upstream failed, ended early, or has changed the file meanwhile
        """
        wanted = min(length, self._size - offset)
        if wanted <= 0:
            return b""
        if offset != self._position:
            self._seek(offset)
        try:
            data: bytes = self._response.raw.read(wanted, decode_content=False)
        except Exception as error:  # urllib3 has many; each means that the bytes did not come
            raise BootFileError(f"{self._url}: {_reason(error)}") from error
        if len(data) < wanted:
            raise BootFileError(f"{self._url} ended after {offset + len(data)} of {self._size} bytes")
        self._position = offset + len(data)
        return data

    def close(self) -> None:
        """Give up the upstream connection."""
        self._response.close()

    def _seek(self, offset: int) -> None:
        self._response.close()
        headers = {"Range": f"bytes={offset}-"}
        if self._etag:
            headers["If-Range"] = self._etag
        self._response = _get(self._url, headers)
        total = self._response.headers.get("Content-Range", "").rpartition("/")[2]
        if self._response.status_code != 206 or total != str(self._size):
            self._response.close()
            raise BootFileError(f"{self._url} cannot be read from the middle, or has changed")
        self._position = offset


class SpooledFile:
    """A byte source over a temporary file, for what upstream sent without saying how much it is."""

    def __init__(self, spool: IO[bytes]) -> None:
        self._spool = spool

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to *length* bytes from *offset*."""
        self._spool.seek(offset)
        return self._spool.read(length)

    def close(self) -> None:
        """Delete the temporary file."""
        self._spool.close()


def open_upstream(ref: FileRef) -> BootFile:
    """Begin to fetch the URL *ref*.

    :raises BootFileNotFound: upstream says 404 or 410
    :raises BootFileError: upstream cannot be reached, or says anything else but 200
    """
    url = ref.location
    response = _get(url, {})
    if response.status_code != 200:
        response.close()
        kind = BootFileNotFound if response.status_code in (404, 410) else BootFileError
        raise kind(f"{url}: upstream says {response.status_code} {response.reason}")
    length = response.headers.get("Content-Length", "")
    etag = response.headers.get("ETag", "")
    strong = etag if etag.startswith('"') else ""
    if length.isascii() and length.isdigit():
        source = UpstreamFile(url, int(length), strong, response)
        return BootFile(name=ref.name, size=int(length), etag=strong, source=source)
    spool = _spool(url, response)
    return BootFile(name=ref.name, size=spool.seek(0, 2), etag=strong, source=SpooledFile(spool))


def _get(url: str, headers: dict[str, str]) -> requests.Response:
    try:
        return requests.get(url, headers={**_IDENTITY, **headers}, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS))
    except requests.RequestException as error:
        raise BootFileError(f"{url}: {_reason(error)}") from error


def _spool(url: str, response: requests.Response) -> IO[bytes]:
    spool: IO[bytes] = tempfile.TemporaryFile(prefix="pixiecore-")  # noqa: SIM115 - the caller closes it
    try:
        for chunk in response.iter_content(_CHUNK):
            spool.write(chunk)
            if spool.tell() > SPOOL_LIMIT:
                raise BootFileError(f"{url} gives no length and is over {SPOOL_LIMIT >> 30} GiB")
    except requests.RequestException as error:
        spool.close()
        raise BootFileError(f"{url}: {_reason(error)}") from error
    except BootFileError:
        spool.close()
        raise
    finally:
        response.close()
    return spool


def _reason(error: Exception) -> str:
    """The innermost cause: requests wraps what happened two or three times."""
    reason: BaseException = error
    while reason.__cause__ is not None or reason.__context__ is not None:
        reason = reason.__cause__ or reason.__context__ or reason
    return str(reason) or type(reason).__name__

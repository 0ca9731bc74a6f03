"""A bearer token that lives in a file, and is read again when the file changes: tokens are renewed while servers run.

Knows nothing about where the token is sent; see :mod:`pixiecore_api_booter.session`.
"""

from __future__ import annotations

import os
import re
import threading

import requests
from requests.auth import AuthBase


class TokenError(ValueError):
    """The file does not hold a token; the message says why, but never what it does hold: it ends up in logs."""


_TOKEN = re.compile(r"[\x21-\x7e]+")


def read_token(path: str) -> str:
    """The token in the file at *path*.

    :raises TokenError: the file cannot be read, or does not hold one word of printable ASCII
    """
    try:
        with open(path, "rb") as file:
            text = file.read(1 << 16).decode("ascii", "replace").strip()
    except OSError as error:
        raise TokenError(f"{path} cannot be read: {error.strerror}") from error
    if not _TOKEN.fullmatch(text):
        raise TokenError(f"{path} does not hold a token: one word of printable ASCII")
    return text


class TokenFile(AuthBase):
    """Adds ``Authorization: Bearer TOKEN`` to requests. As requests' own ``auth``, it comes before ``~/.netrc``."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] = ()
        self._token = ""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """:raises TokenError: the file no longer holds a token"""
        request.headers["Authorization"] = f"Bearer {self._current()}"
        return request

    def _current(self) -> str:
        try:
            status = os.stat(self._path)
        except OSError as error:
            raise TokenError(f"{self._path} cannot be read: {error.strerror}") from error
        seen = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        with self._lock:
            if seen != self._seen:
                self._token = read_token(self._path)
                self._seen = seen
            return self._token

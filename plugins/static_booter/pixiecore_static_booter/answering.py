"""Asks once, soon after the start, whether the web servers answer that boot files come from, and warns of those that do
not: else the first machine would find out.

In the background: no start waits for it, and nothing fails by it. Reads no file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urlsplit, urlunsplit

import gevent
import requests
from gevent import monkey

from pixiecore_core import FileRef, hookimpl

DELAY = 1.0
"""Seconds; the server says first that it is ready."""
PATIENCE = 5.0
"""Seconds for each URL to connect, and as many to answer."""

_log = logging.getLogger("pixiecore.static")


class Asking:
    """What a booter inherits to have the URLs of its boot files asked, in a greenlet of their own.

    :param refs: boot files; local ones were looked at with the settings
    """

    def __init__(self, refs: Iterable[FileRef]) -> None:
        # What a folder's own URL answers says nothing of the files in it.
        self._urls = list(dict.fromkeys(ref.location for ref in refs if ref.is_url and not ref.is_folder))
        self._greenlet: gevent.Greenlet[[], None] | None = None

    @hookimpl
    def on_startup(self) -> None:
        """Ask, a little later. Where the standard library is not cooperative, as in most tests, asking would stop all
        else, and nobody is asked.
        """
        if self._urls and monkey.is_module_patched("socket"):
            self._greenlet = gevent.spawn_later(DELAY, self._ask)

    @hookimpl
    def on_shutdown(self) -> None:
        """Ask no more."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def _ask(self) -> None:
        for url in self._urls:
            problem = problem_with(url)
            if problem is not None:
                _log.warning("%s: %s; machines cannot boot from it until that changes", shown(url), problem)


def problem_with(url: str) -> str | None:
    """Why nothing can be fetched from *url* at the moment; ``None`` if something can."""
    try:
        status = _status("HEAD", url)
        if status >= 400:
            # Some servers refuse HEAD, and signed URLs are good for GET alone.
            status = _status("GET", url)
    except requests.Timeout:
        return f"no answer within {PATIENCE:g} seconds"
    except (requests.RequestException, ValueError, OSError) as error:
        return f"no answer ({_cause(error)})"
    return f"the answer is {_phrase(status)}" if status >= 400 else None


def shown(url: str) -> str:
    """*url* without the user and password that may be in it, and without parameters, which may be a signature."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host, query="…" if parts.query else ""))


def _status(method: str, url: str) -> int:
    headers = {"Range": "bytes=0-0"} if method == "GET" else {}
    with requests.request(
        method, url, headers=headers, timeout=PATIENCE, allow_redirects=True, stream=True
    ) as response:
        # An empty file has no first byte.
        empty = response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        return HTTPStatus.OK if empty else response.status_code


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _cause(error: BaseException) -> str:
    """The innermost cause in words: requests wraps what happened two or three times."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return getattr(error, "strerror", None) or type(error).__name__

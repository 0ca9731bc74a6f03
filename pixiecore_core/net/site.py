"""The HTTP application: finds whose path it is, and refuses clients on networks that are not served.

A WSGI callable, so tests need no socket. Knows no path itself: the caller says which pages there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address
from typing import Any
from urllib.parse import quote

from werkzeug.wrappers import Request, Response

from pixiecore_core.boot.paths import AUTOEXEC, ServerAddress, is_autoexec
from pixiecore_core.hidden import without_secrets

Page = Callable[[Request], Response]
"""Answers a request."""

_MAY_STAND = "".join(map(chr, range(0x21, 0x7F)))


class Site:
    """Pages by path.

    :param folders: pages that answer for all paths that begin so; the one at :data:`AUTOEXEC` is asked for that name
        in any folder
    :param serves: whether clients that reached us at an address of ours may be served
    """

    def __init__(
        self,
        pages: Mapping[str, Page],
        folders: Mapping[str, Page],
        serves: Callable[[IPv4Address], bool] = lambda address: True,
    ) -> None:
        self._pages = pages
        self._folders = folders
        self._serves = serves

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        # curl sends umlauts as they were typed, and scanners any byte, at which werkzeug's reader would raise.
        environ["QUERY_STRING"] = quote(environ.get("QUERY_STRING", ""), _MAY_STAND, "latin-1")
        request = Request(environ)
        return self.answer(request)(environ, start_response)

    def answer(self, request: Request) -> Response:
        """The response to *request*."""
        if not self._serves(server_of(request).ip):
            return text(403, "this network is not served")
        path = request.path
        page = self._pages.get(path) or self._below(AUTOEXEC if is_autoexec(path) else path)
        return page(request) if page is not None else text(404, "no such page")

    def _below(self, path: str) -> Page | None:
        return next((page for folder, page in self._folders.items() if path.startswith(folder)), None)


def server_of(request: Request) -> ServerAddress:
    """The address that the client reached us by; never what its Host header says."""
    ip, port = request.environ["pixiecore.local_address"][:2]
    return ServerAddress(IPv4Address(ip), port)


def text(status: int, words: str) -> Response:
    """A page of plain text. What cannot be written is replaced: it may come from a machine."""
    return Response(without_secrets(words).encode("utf-8", "replace"), status, content_type="text/plain; charset=utf-8")


def wait(seconds: int, words: str) -> Response:
    """What iPXE obeys by waiting and asking again (httpcore.c, since 2014)."""
    response = text(503, words)
    response.headers["Retry-After"] = str(seconds)
    return response

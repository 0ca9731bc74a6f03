"""An upstream for tests: each path has a page whose faults are set beforehand, and every request is noted."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Page:
    """What the server answers."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: bool = True
    """Whether it says how long the body is."""
    ranges: bool = True
    claimed: int | None = None
    """The Content-Length, where it is a lie."""
    cuts: list[int] = field(default_factory=list)
    """After how many bytes of each of the first answers the connection breaks."""
    chunked: bool = True
    """Whether a body without a length comes in chunks; else it ends when the connection does."""
    heeds_if_range: bool = True
    hangs_up: int = 0
    """How many requests it answers by closing the connection."""
    pause: float = 0.0
    """Seconds before each 1000 bytes."""


@dataclass
class Asked:
    """One request."""

    path: str
    headers: dict[str, str]
    status: int


class Site:
    """The pages, and the requests that came."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.pages: dict[str, Page] = {}
        self.asked: list[Asked] = []

    def put(self, path: str, page: Page) -> str:
        """Serve *page* at *path*; its URL."""
        self.pages[path] = page
        return self.base + path

    def statuses(self) -> list[int]:
        """What was answered, in order."""
        return [request.status for request in self.asked]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    site: Site

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: clients that go away are not news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        page = self.server.site.pages.get(self.path, Page(status=404))
        if page.hangs_up:
            page.hangs_up -= 1
            self.close_connection = True
            return
        status, body, headers = _choose(page, self.headers)
        self.server.site.asked.append(Asked(self.path, dict(self.headers), status))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            if page.length:
                self.send_header("Content-Length", str(page.claimed if page.claimed is not None else len(body)))
            elif page.chunked:
                self.send_header("Transfer-Encoding", "chunked")
            else:
                self.send_header("Connection", "close")
        self.end_headers()
        self._send(page, body)

    def do_HEAD(self) -> None:
        """Whether the page is there, as the static booter asks at its start; not noted, for nothing is fetched."""
        self.send_response(self.server.site.pages.get(self.path, Page(status=404)).status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, page: Page, body: bytes) -> None:
        cut = page.cuts.pop(0) if page.cuts else None
        part = body[:cut]
        step = 1000 if page.pause else len(part) or 1
        for start in range(0, len(part), step):
            time.sleep(page.pause)
            piece = part[start : start + step]
            self.wfile.write(
                piece if page.length or not page.chunked else f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
            )
        if cut is not None or (page.claimed or 0) > len(body):
            self.close_connection = True
        elif not page.length and page.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Silence."""


def _choose(page: Page, asked: object) -> tuple[int, bytes, dict[str, str]]:
    headers = dict(page.headers)
    get = asked.get  # type: ignore[attr-defined]
    tag, date = headers.get("ETag"), headers.get("Last-Modified")
    if page.status != 200:
        return page.status, page.body, headers
    if (tag and get("If-None-Match") == tag) or (date and get("If-Modified-Since") == date):
        return 304, b"", headers
    condition = get("If-Range")
    if get("Range") and page.ranges and (condition is None or not page.heeds_if_range or condition in (tag, date)):
        start = int(get("Range").removeprefix("bytes=").partition("-")[0])
        headers["Content-Range"] = f"bytes {start}-{len(page.body) - 1}/{len(page.body)}"
        return 206, page.body[start:], headers
    return 200, page.body, headers


@contextlib.contextmanager
def serving(address: str = "127.0.0.1", port: int = 0) -> Iterator[Site]:
    """A running server; its address in ``site.base``."""
    server = _Server((address, port), _Handler)
    server.site = Site(f"http://{address}:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

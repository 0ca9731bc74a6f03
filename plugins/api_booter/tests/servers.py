"""API servers to test against: a plain http.server that does what a test says, and keeps what it was asked.

Written from the published contract alone; imports nothing of the plugin.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: Message
    body: bytes


class Reply(BaseHTTPRequestHandler):
    """What a test's behaviour is given to answer with."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart, which else costs 40 ms
    server: _Server

    def json(self, value: Any, status: int = 200, **headers: str) -> None:
        self.raw(json.dumps(value).encode(), status, **headers)

    def raw(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, location: str, status: int = 302) -> None:
        self.raw(b"moved", status, Location=location)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the test looks at what was asked."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        asked = Asked(self.command, self.path, self.headers, self.rfile.read(length))
        self.server.api.asked.append(asked)
        self.server.api.behaviour(self)

    do_GET = do_POST = _answer  # noqa: N815 - http.server's names


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100
    api: Api

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of some tests."""


@dataclass
class Api:
    """A running server. ``behaviour`` answers each request, and may be replaced at any time."""

    behaviour: Callable[[Reply], None]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def serving(behaviour: Callable[[Reply], None], context: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Api]:
    """Serve on loopback until the context is left."""
    server = _Server(("127.0.0.1", port), Reply)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "http" if context is None else "https"
    server.api = Api(behaviour, f"{scheme}://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def boots(**answer: Any) -> Callable[[Reply], None]:
    """The behaviour that gives every machine this answer."""
    return lambda reply: reply.json(answer)

"""Hosts HTTP on gevent's pywsgi, with what pywsgi leaves open: time limits, TCP_NODELAY, limits on connections.

A client that sends its request drop by drop, or stops reading, loses its connection and costs the others nothing.
Knows no paths: the application is given.
"""

from __future__ import annotations

import re
import resource
from collections import Counter
from collections.abc import Collection
from typing import Any, cast

import gevent
from gevent import pywsgi, socket
from gevent.pool import Pool

from pixiecore_core.net.file_body import CONNECTION, STALL_SECONDS

CONNECTIONS = 2048
"""At most; fewer where this process may have few descriptors."""
CONNECTIONS_PER_CLIENT = 1024
"""Half of all: no single address can take every connection, and a whole rack behind one address still boots."""
_OTHER_DESCRIPTORS = 128
"""For everything that is not a client's connection and its file."""
IDLE_SECONDS = 30.0
"""How long a connection may wait for its next request."""
REQUEST_SECONDS = 10.0
"""How long a request's headers may take."""

LONGEST_BODY = 64 << 10
"""Bytes of a POST."""

_ABSOLUTE_FORM = re.compile(r"http://[^/]*/?(.*)", re.IGNORECASE)

Application = Any
"""A WSGI callable."""


class _Refused(ValueError):
    """A request that is answered without asking the application."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class _Handler(pywsgi.WSGIHandler):
    """pywsgi's handler with the limits above."""

    def handle(self) -> None:
        # pywsgi writes headers and body apart; with Nagle a keep-alive client waits 40 ms for the body.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(STALL_SECONDS)
        try:
            self._local_address = self.socket.getsockname()
            super().handle()
        except OSError:
            self.close_connection = True  # the client has gone while it was being refused

    def read_requestline(self) -> str:
        with gevent.Timeout(IDLE_SECONDS, False):  # type: ignore[arg-type]
            return str(super().read_requestline())
        return ""  # pywsgi then closes the connection

    def read_request(self, raw_requestline: str) -> Any:
        with gevent.Timeout(REQUEST_SECONDS, _Refused("408 Request Timeout")):
            usable = super().read_request(raw_requestline)
        if usable and (absolute := _ABSOLUTE_FORM.match(self.path or "")):
            # RFC 9112 section 3.2.2: it must be understood, though only proxies are sent it.
            self.path = "/" + absolute[1]
        if usable:
            self._check_body()
        return usable

    def _check_body(self) -> None:
        """Refuse what would have to be read without end: only a few pages take a body, and none takes a long one."""
        posted = self.command == "POST" and (self.path or "").partition("?")[0] in cast("_Server", self.server).posted
        if not posted and self.command not in ("GET", "HEAD"):
            raise _Refused("405 Method Not Allowed")
        length = self.headers.get("Content-Length", "0")
        if posted and self.headers.get("Transfer-Encoding"):
            raise _Refused("411 Length Required")
        most = LONGEST_BODY if posted else 0
        digits = length.lstrip("0") or "0"  # any number of zeros may stand before it
        too_long = not digits.isdecimal() or len(digits) > len(str(LONGEST_BODY)) or int(digits) > most
        if self.headers.get("Transfer-Encoding") or too_long:
            raise _Refused("413 Content Too Large")

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ["pixiecore.local_address"] = self._local_address
        environ[CONNECTION] = self.socket.fileno()
        return environ

    def handle_error(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, OSError):
            # The client went away or stopped reading; the application has noted what was lost.
            self.close_connection = True
            return
        super().handle_error(kind, error, traceback)

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes]:
        status = ex.status if isinstance(ex, _Refused) else "400 Bad Request"
        allow = "Allow: GET, HEAD\r\n" if status.startswith("405") else ""
        head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n{allow}\r\n"
        return status.partition(" ")[0], head.encode()

    def log_request(self) -> None:
        """Nothing: the application reports what matters."""


class HttpServer:
    """One listener.

    :param application: a WSGI callable; ``pixiecore.local_address`` in its environ is where the client reached us
    :param posted: the paths that take a POST, with a body of up to :data:`LONGEST_BODY` bytes
    """

    def __init__(self, address: str, port: int, application: Application, posted: Collection[str] = ()) -> None:
        self._posted = frozenset(posted)
        self._address = address
        self._port = port
        self._application = application
        self._server: _Server | None = None

    @property
    def port(self) -> int:
        """The port in use, once started."""
        return int(self._server.server_port or 0) if self._server else self._port

    def bind(self) -> None:
        """Take the port.

        :raises OSError: it cannot be used
        """
        # Each takes a descriptor, and another for the file it fetches. A process without any hears no DHCP.
        most = min(CONNECTIONS, max(16, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _OTHER_DESCRIPTORS) // 2))
        server = _Server(
            (self._address, self._port),
            self._application,
            backlog=1024,
            spawn=Pool(most),
            handler_class=_Handler,
            log=None,
            error_log=None,
        )
        server.posted = self._posted
        server.per_client = min(CONNECTIONS_PER_CLIENT, max(8, most // 2))
        server.init_socket()
        self._server = server

    def start(self) -> None:
        """Begin to serve."""
        assert self._server is not None, "bind comes first"
        self._server.start()

    def stop(self, timeout: float) -> None:
        """Stop accepting, and end connections that are still busy after *timeout* seconds."""
        if self._server is not None:
            self._server.stop(timeout=timeout)
            # gevent closes the listening socket only of a server that was started.
            self._server.close()


class _Server(pywsgi.WSGIServer):
    per_client = CONNECTIONS_PER_CLIENT
    posted: frozenset[str] = frozenset()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._clients: Counter[str] = Counter()

    def handle(self, sock: Any, address: Any) -> None:
        if self._clients[address[0]] >= self.per_client:
            sock.close()
            return
        self._clients[address[0]] += 1
        try:
            super().handle(sock, address)
        finally:
            self._clients[address[0]] -= 1
            if not self._clients[address[0]]:
                del self._clients[address[0]]

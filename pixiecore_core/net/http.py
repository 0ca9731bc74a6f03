"""Hosts HTTP on gevent's pywsgi, with what pywsgi leaves open: time limits, strict requests, limits on connections.

A client that sends its request drop by drop, or stops reading, loses its connection and costs the others nothing.
Knows no paths: the application is given.
"""

from __future__ import annotations

import contextlib
import io
import re
import resource
import struct
import time
from collections.abc import Callable, Collection, Sequence
from ipaddress import IPv4Network
from typing import Any

import gevent
from gevent import pywsgi, socket
from gevent.pool import Pool

from pixiecore_core.net.binding import listening
from pixiecore_core.net.connections import Connections, Shares
from pixiecore_core.net.file_body import CONNECTION, STALL_SECONDS
from pixiecore_core.wire.http1 import are_loose_fields, is_loose_request_line

CONNECTIONS = 2048
"""At most."""
CONNECTIONS_PER_CLIENT = 64
"""A machine needs one or two, a browser six; a few machines may be behind one address."""
_OTHER_DESCRIPTORS = 128
"""For everything that is not a client's connection and its file."""
_ENDING = 32
"""Connections that gave way and are not closed yet, each with its descriptor: at so many newcomers wait, or a flood of
them would be taken in faster than the event loop can look after any.
"""
FIRST_SECONDS = 10.0
"""How long a new connection may wait for the first byte of its first request."""
IDLE_SECONDS = 30.0
"""How long a connection may wait for its next request."""
REQUEST_SECONDS = 10.0
"""How long a request may take from its first byte to its last."""

LONGEST_HEAD = 32 << 10
"""Bytes of a request's header lines."""
LONGEST_BODY = 64 << 10
"""Bytes of a POST."""

_ABSOLUTE_FORM = re.compile(r"http://[^/]*/?(.*)", re.IGNORECASE)
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing leaves nothing behind in the kernel, which whoever takes many connections counts on."""

Application = Any
"""A WSGI callable."""
OnHead = Callable[[bool, tuple[str, int], tuple[str, int], bytes, int], object]
"""``on_head(sent, ours, theirs, head, length)``: a request's head, or a response's that is sent, and how many bytes
follow it, where it says so."""


class _Refused(ValueError):
    """A request that is answered without asking the application."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class _Handler(pywsgi.WSGIHandler):
    """pywsgi's handler with the limits above."""

    server: _Server
    _patience = FIRST_SECONDS

    def handle(self) -> None:
        # pywsgi writes headers and body apart; with Nagle a keep-alive client waits 40 ms for the body.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(STALL_SECONDS)
        try:
            self._local_address = self.socket.getsockname()
            super().handle()
        except OSError:
            self.close_connection = True  # the client has gone while it was being refused

    def handle_one_request(self) -> Any:
        """Wait for a request, then answer it; with pywsgi's results."""
        self.server.rest(self.socket)
        if not self._request_begins():
            return None
        with gevent.Timeout(REQUEST_SECONDS, _Refused("408 Request Timeout")) as self._time_left:
            try:
                return super().handle_one_request()
            except _Refused as refusal:  # while pywsgi read the request line
                return self._handle_client_error(refusal)

    def _request_begins(self) -> bool:
        patience, self._patience = self._patience, IDLE_SECONDS
        with gevent.Timeout(patience, False):  # type: ignore[arg-type]
            return bool(self.rfile.peek(1))
        return False

    def read_request(self, raw_requestline: str) -> Any:
        self._line = raw_requestline.encode("latin-1")
        self._loose = is_loose_request_line(self._line)
        super().read_request(raw_requestline)
        path = self.path or ""
        # RFC 9112 section 3.2.2: it must be understood, though only proxies are sent it.
        self.path = "/" + absolute[1] if (absolute := _ABSOLUTE_FORM.match(path)) else path
        self._body = self._read_body(self.path.partition("?")[0])
        if self._loose or self._asks_to_close():
            self.close_connection = True
        self._time_left.close()
        self.server.connections.work(self.socket)
        return True

    def MessageClass(self, rfile: Any, *_: object) -> Any:  # noqa: N802 - pywsgi calls it so
        """The headers: pywsgi's reader makes something of everything, so it is given only what can be read one way."""
        lines, left = [], LONGEST_HEAD
        while (line := rfile.readline(left + 1)) not in (b"\r\n", b"\n"):
            left -= len(line)
            if left < 0:
                raise _Refused("431 Request Header Fields Too Large")
            lines.append(line)
            if not line.endswith(b"\n"):
                break  # the end of the connection; the line is not one
        self._note(False, self._line + b"".join(lines) + line)
        self._loose |= are_loose_fields(lines, minor=self.request_version != "HTTP/1.0") or line == b"\n"
        return super().MessageClass(io.BytesIO(b"".join(lines) + b"\r\n"), 0)  # type: ignore[call-arg]

    def _read_body(self, path: str) -> bytes:
        """The body, where there may be one: only a few pages take a POST, and none a long one."""
        posted = self.command == "POST" and path in self.server.posted
        if not posted and self.command not in ("GET", "HEAD"):
            raise _Refused("405 Method Not Allowed")
        if "Transfer-Encoding" in self.headers:
            raise _Refused("411 Length Required" if posted else "413 Content Too Large")
        length, self.content_length = self.content_length or 0, 0  # pywsgi would read what we have read
        if length > (LONGEST_BODY if posted else 0):
            raise _Refused("413 Content Too Large")
        if length and self.headers.get("Expect", "").lower() == "100-continue":
            self.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body: bytes = self.rfile.read(length)
        if len(body) < length:
            raise _Refused("400 Bad Request")
        return body

    def _asks_to_close(self) -> bool:
        # pywsgi looks for this word alone.
        return "close" in re.split(r"[ \t,]+", ",".join(self.headers.get_all("Connection", [])).lower())

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ["wsgi.input"] = io.BytesIO(self._body)
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
        self._note(True, head.encode())
        return status.partition(" ")[0], head.encode()

    def finalize_headers(self) -> None:
        super().finalize_headers()
        headers: Any = self.response_headers  # bytes by now, whatever the types say
        status: Any = self.status
        said = next((value for name, value in headers if name.lower() == b"content-length"), b"")
        length = int(said) if said.isdigit() and self.command != "HEAD" and self.code not in (204, 304) else 0
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        self._note(True, b"HTTP/1.1 %b\r\n%b\r\n" % (status, lines), length)

    def _note(self, sent: bool, head: bytes, length: int = 0) -> None:
        theirs: Any = self.client_address
        self.server.on_head(sent, self._local_address, theirs, head, length)

    def log_request(self) -> None:
        """Nothing: the application reports what matters."""


class HttpServer:
    """One listener.

    :param application: a WSGI callable; ``pixiecore.local_address`` in its environ is where the client reached us
    :param posted: the paths that take a POST, with a body of up to :data:`LONGEST_BODY` bytes
    :param per_client: how many connections one address may have
    :param shared: networks of addresses that many machines share, each of which may have half of all connections
    :param most: connections at once; fewer where this process may have few descriptors
    :param on_drop: told of a connection that is not served, as a word: ``gave-way`` or ``too-many``
    :param on_refuse: told, once a second at most, of an address that wants more than it may have
    :param on_head: told of every head, from either side
    """

    def __init__(
        self,
        address: str,
        port: int,
        application: Application,
        posted: Collection[str] = (),
        per_client: int = CONNECTIONS_PER_CLIENT,
        shared: Sequence[IPv4Network] = (),
        most: int = CONNECTIONS,
        on_drop: Callable[[str], None] = lambda reason: None,
        on_refuse: Callable[[str], None] = lambda address: None,
        on_head: OnHead = lambda sent, ours, theirs, head, length: None,
    ) -> None:
        self._posted = frozenset(posted)
        self._per_client = per_client
        self._shared = shared
        self._most = most
        self._on_drop = on_drop
        self._on_refuse = on_refuse
        self._on_head = on_head
        self._address = address
        self._port = port
        self._application = application
        self._server: _Server | None = None

    @property
    def port(self) -> int:
        """The port in use, once started."""
        return int(self._server.server_port or 0) if self._server else self._port

    def bind(self, bound: socket.socket | None = None) -> None:
        """Take the port.

        :param bound: a socket that has it already, and listens
        :raises OSError: it cannot be used
        """
        # Each takes a descriptor, and another for the file it fetches. A process without any hears no DHCP.
        most = min(self._most, max(16, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _OTHER_DESCRIPTORS) // 2))
        server = _Server(
            bound or listening(self._address, self._port),
            self._application,
            spawn=Pool(),
            handler_class=_Handler,
            log=None,
            error_log=None,
        )
        server.posted = self._posted
        server.on_refuse = self._on_refuse
        server.on_head = self._on_head
        shares = Shares.at_most_half(most, self._per_client, self._shared)
        server.connections = Connections(shares, _end, self._on_drop)
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
    posted: frozenset[str] = frozenset()
    connections: Connections[Any]
    on_refuse: Callable[[str], None]
    on_head: OnHead
    _refused_at = float("-inf")
    _alive = 0  # connections, with those that gave way and are not closed yet
    _waits = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        vars(self)["full"] = self._is_full  # in the place of the pool's

    def _is_full(self) -> bool:
        self._waits = self.connections.blocked or self._alive - len(self.connections) >= _ENDING
        return self._waits

    def do_handle(self, sock: Any, address: Any) -> None:
        if self.connections.enter(sock, address[0]):
            self._alive += 1
            super().do_handle(sock, address)
            return
        sock.close()
        now = time.monotonic()
        if now - self._refused_at >= 1:
            self._refused_at = now
            self.on_refuse(address[0])

    def handle(self, sock: Any, address: Any) -> None:
        try:
            if sock in self.connections:  # else it has given way before its turn came
                super().handle(sock, address)
        finally:
            self.connections.leave(sock)
            self._alive -= 1
            self._go_on()

    def rest(self, sock: Any) -> None:
        """A connection waits for its next request."""
        self.connections.rest(sock)
        self._go_on()

    def _go_on(self) -> None:
        if self._waits and self.started:
            self.start_accepting()


def _end(sock: Any) -> None:
    """End a connection that another greenlet reads from: it finds the end of the stream, and closes."""
    with contextlib.suppress(OSError):  # it may be gone
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sock.shutdown(socket.SHUT_RDWR)

"""Requests that two readers could read as two different ones: 400, and nothing that follows is ever answered.

A reader in this file knows RFC 9112 and nothing else; the server need not take all that it takes, but must close after
whatever it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from gevent import socket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixiecore_core.net.http import HttpServer

SECOND = b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n"
GET, POST = b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST /posted HTTP/1.1\r\nHost: x\r\n"


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    answer = b"answer to " + environ["PATH_INFO"].encode("latin-1")
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    server = HttpServer("127.0.0.1", 0, application, posted=["/posted"])
    server.bind()
    server.start()
    yield server
    server.stop(timeout=0)


def answers(server: HttpServer, request: bytes) -> bytes:
    """All that comes back for *request*, with nothing after it."""
    with socket.create_connection(("127.0.0.1", server.port), 5) as client:
        received = bytearray()
        try:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            while part := client.recv(65536):
                received += part
        except (ConnectionResetError, BrokenPipeError):
            pass  # it refused before it had read everything
        return bytes(received)


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        POST + b"Content-Length: 0\r\nContent-Length: 38\r\n\r\n",
        POST + b"Content-Length: 5, 5\r\n\r\nhello",
        POST + b"Content-Length: +5\r\n\r\nhello",
        POST + b"Content-Length: 0x5\r\n\r\nhello",
        POST + b"Content-Length: 5_0\r\n\r\nhello",
        POST + b"Content-Length: \r\n\r\nhello",
        POST + b"Content-Length : 5\r\n\r\nhello",
        POST + b" Content-Length: 5\r\n\r\nhello",
        POST + b"Content-Length\r\n\r\nhello",
        POST + b"Content-Length: 5\x0b\r\n\r\nhello",
        POST + b"Content-Length: 5\xa0\r\n\r\nhello",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding:\r\n\r\n",
        POST + b"Transfer-Encoding: x\r\n\r\n",
        POST + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        GET + b"X-A: b\r\n folded\r\n\r\n",
        GET + b"X-A: b\rX-B: c\r\n\r\n",
        GET + b"X-A: b\x00\r\n\r\n",
        GET + b"X-A: b\x7f\r\n\r\n",
        GET + b": b\r\n\r\n",
        GET + b"X(A): b\r\n\r\n",
        GET + b"Host: y\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
        b"GET /\x0b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / http/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET /\r\n\r\n",
        b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n" + GET + b"\r\n",
    ],
)
def test_a_request_of_two_meanings_is_refused_and_the_last(server: HttpServer, request_bytes: bytes) -> None:
    said = answers(server, request_bytes + SECOND)
    assert said.startswith(b"HTTP/1.1 400 "), said
    assert said.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\nHost: x\n\n",
        GET + b"\n",
        "GET /ü HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        b"GET /a|b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        GET + b"Connection: Keep-Alive, Close\r\n\r\n",
        GET + b"Connection: x\r\nConnection: close\r\n\r\n",
    ],
)
def test_a_loose_request_is_answered_and_the_last(server: HttpServer, request_bytes: bytes) -> None:
    said = answers(server, request_bytes + SECOND)
    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"/second" not in said


@pytest.mark.parametrize(
    "request_bytes",
    [
        GET + b"\r\n",
        GET + b"X-A:\r\nX-B: \t c\td \r\nX-C: \xe9\r\n\r\n",
        POST + b"Content-Length: 5\r\n\r\nhello",
        POST + b"Content-Length: 5\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello",
        b"GET /a%20b?c=d/e HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    ],
)
def test_a_strict_request_may_be_followed_by_another(server: HttpServer, request_bytes: bytes) -> None:
    said = answers(server, request_bytes + SECOND)
    assert said.endswith(b"answer to /second")
    assert said.count(b"HTTP/1.1 200 ") == 2


def strict_end(data: bytes) -> int | None:
    """Where the first request in *data* ends for a reader that knows RFC 9112 alone; ``None`` if it refuses it."""
    token, text = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", rb"[\t\x20-\x7e\x80-\xff]*"
    pchar = rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*"
    head, end, _ = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    start = re.fullmatch(rb"(" + token + rb") /" + pchar + rb" HTTP/1\.([01])", first)
    fields = [re.fullmatch(rb"(" + token + rb"):(" + text + rb")", line) for line in lines]
    if not end or start is None or None in fields:
        return None
    said = [(field[1].lower(), field[2].strip(b" \t")) for field in fields if field]
    hosts = [value for name, value in said if name == b"host"]
    lengths = [value for name, value in said if name == b"content-length"]
    codings = [value for name, value in said if name == b"transfer-encoding"]
    if len(hosts) > 1 or (start[2] == b"1" and not hosts) or any(set(host) & set(b' "/<>?@\\^{|}#`') for host in hosts):
        return None
    if codings or len(lengths) > 1 or any(re.fullmatch(rb"[0-9]+", length) is None for length in lengths):
        return None  # bodies in chunks are refused here anyway
    stop = len(head) + 4 + (int(lengths[0]) if lengths else 0)
    return stop if stop <= len(data) else None


PIECES = [
    *(b"GET", b"POST", b"HEAD", b" ", b" / ", b"/posted", b"/", b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\r\n\r\n", b"\r"),
    *(b"\n", b"\t", b"\x00", b":", b": ", b" :", b"Host: x", b"Host", b"x", b"Content-Length", b"5", b"0", b"hello"),
    *(b"Transfer-Encoding", b"chunked", b"Connection: keep-alive", b"Connection: close", b",", b"\x0b", b"\xa0", b"%"),
]
MUTATED = st.builds(
    lambda base, at, cut, new: base[: at % len(base)] + new + base[at % len(base) + cut :],
    st.sampled_from(
        [GET + b"\r\n", POST + b"Content-Length: 5\r\n\r\nhello", GET + b"X-A: b\r\nContent-Length: 0\r\n\r\n"]
    ),
    st.integers(0, 200),
    st.integers(0, 3),
    st.lists(st.sampled_from(PIECES), max_size=4).map(b"".join) | st.binary(max_size=4),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(MUTATED, st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join)))
def test_what_a_strict_reader_refuses_is_the_last_on_its_connection(server: HttpServer, data: bytes) -> None:
    left = data + SECOND
    while left and (end := strict_end(left)) is not None:
        left = left[end:]
    if left:
        assert b"answer to /second" not in answers(server, data + SECOND)

"""The HTTP host against clients that are slow, silent, rude or gone: each loses its connection, the others nothing."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import gevent
import pytest
from gevent import socket

from pixiecore_core.net import http
from pixiecore_core.net.http import HttpServer

BIG = 64 << 20


class Body:
    """A large body that notes when the server lets go of it."""

    closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(BIG >> 16):
            yield bytes(1 << 16)

    def close(self) -> None:
        Body.closed += 1


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/big":
        start_response("200 OK", [("Content-Length", str(BIG))])
        return Body()
    if environ["PATH_INFO"] == "/posted":
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    address = ":".join(map(str, environ["pixiecore.local_address"])).encode()
    start_response("200 OK", [("Content-Length", str(len(address)))])
    return [address]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    monkeypatch.setattr(http, "REQUEST_SECONDS", 0.3)
    monkeypatch.setattr(http, "FIRST_SECONDS", 0.3)
    monkeypatch.setattr(http, "IDLE_SECONDS", 0.3)
    monkeypatch.setattr(http, "STALL_SECONDS", 0.3)
    server = HttpServer("127.0.0.1", 0, application, posted=["/posted"], per_client=20)
    server.bind()
    server.start()
    yield server
    server.stop(timeout=0)


def connect(server: HttpServer) -> Any:
    client = socket.create_connection(("127.0.0.1", server.port))
    client.settimeout(5)
    return client


def exchange(server: HttpServer, request: bytes) -> bytes:
    """Send *request* and read until the server closes."""
    with connect(server) as client:
        client.sendall(request)
        answer = bytearray()
        while part := client.recv(65536):
            answer += part
        return bytes(answer)


def test_it_tells_the_application_where_it_was_reached(server: HttpServer) -> None:
    answer = exchange(server, b"GET / HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n")
    assert answer.endswith(f"127.0.0.1:{server.port}".encode())


def test_the_absolute_form_is_understood(server: HttpServer) -> None:
    answer = exchange(server, b"GET http://elsewhere/big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert f"Content-Length: {BIG}".encode() in answer


def test_few_descriptors_mean_few_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs out of descriptors hears no DHCP either."""
    monkeypatch.setattr(http.resource, "getrlimit", lambda which: (192, 1024))
    server = HttpServer("127.0.0.1", 0, application, posted=["/posted"])
    server.bind()
    server.start()
    clients = [connect(server) for _ in range(40)]
    gevent.sleep(0.1)
    refused = sum(_is_closed(client) for client in clients)
    assert refused == 40 - 16
    for client in clients:
        client.close()
    server.stop(timeout=0)


def _is_closed(client: Any) -> bool:
    client.settimeout(0.01)
    try:
        return bool(client.recv(1) == b"")
    except ConnectionResetError:
        return True
    except OSError:
        return False


def test_keep_alive_answers_are_not_held_back(server: HttpServer) -> None:
    """pywsgi writes headers and body apart: with Nagle the second request would cost 40 ms."""
    with connect(server) as client:
        started = time.monotonic()
        for _ in range(20):
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(str(server.port).encode()):
                answer += client.recv(4096)
        assert time.monotonic() - started < 0.4


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", b"405"),
        (b"DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"413"),
        (b"GET /posted HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", b"413"),
        (b"POST /posted HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", b"413"),
        (b"POST /posted HTTP/1.1\r\nHost: x\r\nContent-Length: 0000000000000300000000\r\n\r\n", b"413"),
        (b"POST /posted HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /posted HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"PUT /posted HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"405"),
        (b"GET\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\n\r\n", b"414"),
    ],
)
def test_unusable_requests_get_a_status_and_are_closed(
    server: HttpServer, request_bytes: bytes, status: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exchange(server, request_bytes).startswith(b"HTTP/1.1 " + status)
    assert "Traceback" not in capsys.readouterr().err


def test_a_client_that_goes_while_it_is_refused_is_no_error(
    server: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(4):
        client = connect(server)
        client.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        gevent.sleep(0.02)
    assert capsys.readouterr().err == ""


def test_a_request_that_drips_is_cut_off(server: HttpServer) -> None:
    """Slow-loris: each byte comes in time, the whole never does."""
    with connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        started = time.monotonic()
        with suppress(OSError):  # reset or broken pipe, as the kernel has it
            while time.monotonic() - started < 4:
                client.sendall(b"X-a: b\r\n")
                gevent.sleep(0.05)
        assert time.monotonic() - started < 2


def test_a_connection_that_says_nothing_is_closed(server: HttpServer) -> None:
    with connect(server) as client:
        assert client.recv(10) == b""


def test_a_client_that_stops_reading_frees_everything(server: HttpServer) -> None:
    closed = Body.closed
    with connect(server) as client:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        gevent.sleep(1)
        assert Body.closed == closed + 1


def test_a_client_that_vanishes_frees_everything(server: HttpServer, capsys: pytest.CaptureFixture[str]) -> None:
    closed = Body.closed
    with connect(server) as client:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        client.recv(1000)
    gevent.sleep(0.3)
    assert Body.closed == closed + 1
    assert "Traceback" not in capsys.readouterr().err


def test_one_address_cannot_take_every_connection(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # Else those who were taken are closed too, while a busy machine looks at one after the other.
    for limit in ("REQUEST_SECONDS", "FIRST_SECONDS", "STALL_SECONDS"):
        monkeypatch.setattr(http, limit, 30)
    clients = [connect(server) for _ in range(25)]
    gevent.sleep(0.05)
    closed = [_is_closed(client) for client in clients]
    assert closed == [True] * 5 + [False] * 20, "the oldest of its own gave way"
    for client in clients:
        client.close()
    gevent.sleep(0.05)
    assert exchange(server, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_others_are_served_while_somebody_stalls(server: HttpServer) -> None:
    stalled = [connect(server) for _ in range(10)]
    for client in stalled:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
    assert exchange(server, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")
    for client in stalled:
        client.close()


def test_a_page_that_takes_a_post_is_given_the_body(server: HttpServer) -> None:
    body = b"x" * http.LONGEST_BODY
    head = b"POST /posted?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    answer = exchange(server, head + body)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(body)


def test_a_client_that_asks_first_is_told_to_go_on(server: HttpServer) -> None:
    with connect(server) as client:
        client.sendall(b"POST /posted HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"hello")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_body_that_drips_is_cut_off(server: HttpServer) -> None:
    answer = exchange(server, b"POST /posted HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell")
    assert answer.startswith(b"HTTP/1.1 408")


def test_headers_without_end_are_refused(server: HttpServer) -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * http.LONGEST_HEAD
    assert exchange(server, head).startswith(b"HTTP/1.1 431")

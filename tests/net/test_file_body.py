"""A body that cannot be finished breaks the connection, and everything is freed and told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from pixiecore_core.files.local import open_local
from pixiecore_core.models import BootFile
from pixiecore_core.net import file_body
from pixiecore_core.net.file_body import CHUNK, respond
from pixiecore_core.net.http import HttpServer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "vmlinuz"
    path.write_bytes(os.urandom(3 * CHUNK))
    return path


def start(path: Path) -> tuple[Any, list[tuple[int, int, str | None]]]:
    done: list[tuple[int, int, str | None]] = []
    request = Request(EnvironBuilder().get_environ())
    response = respond(request, open_local(str(path)), lambda *facts: done.append(facts))
    return response.response, done


def test_a_whole_file(path: Path) -> None:
    body, done = start(path)
    assert b"".join(map(bytes, body)) == path.read_bytes()
    body.close()
    assert done == [(3 * CHUNK, 3 * CHUNK, None)]


def test_a_file_shortened_while_it_is_served_breaks_the_connection(path: Path) -> None:
    body, done = start(path)
    parts = iter(body)
    next(parts)
    os.truncate(path, CHUNK + 10)
    with pytest.raises(ConnectionResetError):
        list(parts)
    body.close()
    ((sent, length, reason),) = done
    assert sent < length
    assert reason is not None
    assert "changed while it was being sent" in reason


def test_a_file_deleted_while_it_is_served_arrives_whole(path: Path) -> None:
    content = path.read_bytes()
    body, done = start(path)
    path.unlink()
    assert b"".join(map(bytes, body)) == content
    body.close()
    assert done[0][2] is None


def test_a_client_that_went_away_is_told(path: Path) -> None:
    body, done = start(path)
    next(iter(body))
    body.close()
    assert done[0][2] == "the client went away"


def test_a_source_that_only_has_read_at_will_do(path: Path) -> None:
    content = path.read_bytes()
    done: list[tuple[int, int, str | None]] = []
    file = BootFile.from_bytes("x", content).model_copy(update={"etag": ""})
    body: Any = respond(Request(EnvironBuilder().get_environ()), file, lambda *facts: done.append(facts)).response
    assert b"".join(map(bytes, body)) == content
    body.close()
    assert done == [(len(content), len(content), None)]


def test_two_fast_clients_take_turns(path: Path) -> None:
    """Reading as fast as we send, a client never makes us wait; it must not have the server to itself."""
    served: list[int] = []

    def fetch(number: int) -> None:
        body, _ = start(path)
        served.extend(number for _ in body)
        body.close()

    gevent.joinall([gevent.spawn(fetch, number) for number in range(2)], raise_error=True)
    assert served == [0, 1] * 4


class Source:
    """A byte source that misbehaves."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def read_at(self, offset: int, length: int) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        if isinstance(self.answer, str):
            raise RuntimeError("close")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(b"", "ended after 0 of 300 bytes"), (RuntimeError("boom"), "RuntimeError: boom"), (7, "TypeError")],
)
def test_a_source_that_fails_breaks_the_connection_and_is_told(answer: object, reason: str) -> None:
    done: list[tuple[int, int, str | None]] = []
    file = BootFile(name="x", size=300, source=Source(answer))
    body: Any = respond(Request(EnvironBuilder().get_environ()), file, lambda *facts: done.append(facts)).response
    with pytest.raises(ConnectionResetError):
        list(body)
    body.close()
    ((sent, length, why),) = done
    assert (sent, length) == (0, 300)
    assert why is not None
    assert reason in why


Facts = list[tuple[int, int, str | None]]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[HttpServer, Path, Facts]]:
    """A file behind a real socket, which it leaves by sendfile."""
    path = tmp_path / "initrd"
    path.write_bytes(os.urandom(32 << 20))
    done: Facts = []

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        response = respond(Request(environ), open_local(str(path)), lambda *facts: done.append(facts))
        return response(environ, start_response)

    server = HttpServer("127.0.0.1", 0, application)
    server.bind()
    server.start()
    yield server, path, done
    server.stop(timeout=0)


def ask(server: HttpServer, headers: str = "") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", server.port))
    client.settimeout(10)
    client.sendall(f"GET / HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n".encode())
    return client


def read_all(client: socket.socket) -> bytes:
    parts = []
    with client:
        while part := client.recv(1 << 20):
            parts.append(part)
    return b"".join(parts).partition(b"\r\n\r\n")[2]


def until(true: Callable[[], object]) -> None:
    with gevent.Timeout(5):
        while not true():
            gevent.sleep(0.01)


def test_sendfile_sends_the_same_bytes(served: tuple[HttpServer, Path, Facts]) -> None:
    server, path, done = served
    content = path.read_bytes()
    assert read_all(ask(server)) == content
    assert read_all(ask(server, "Range: bytes=1000000-9000000\r\n")) == content[1000000:9000001]
    assert done == [(len(content), len(content), None), (8000001, 8000001, None)]


def test_sendfile_of_what_is_not_in_the_page_cache(served: tuple[HttpServer, Path, Facts]) -> None:
    server, path, _ = served
    content = path.read_bytes()
    with path.open("rb") as file:
        os.fdatasync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    assert read_all(ask(server)) == content


def test_sendfile_of_a_file_shortened_meanwhile_breaks_the_connection(
    served: tuple[HttpServer, Path, Facts],
) -> None:
    server, path, done = served
    client = ask(server)
    client.recv(1000)
    os.truncate(path, 20 << 20)
    assert len(read_all(client)) < 32 << 20
    assert done[0][2] is not None
    assert "changed while it was being sent" in done[0][2]


def test_sendfile_to_a_client_that_stops_reading(
    served: tuple[HttpServer, Path, Facts], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_body, "STALL_SECONDS", 0.2)
    server, _, done = served
    with ask(server) as client:
        client.recv(1000)
        until(lambda: done)
    assert done[0][2] == "the client stopped reading"


def test_sendfile_to_a_client_that_vanishes(served: tuple[HttpServer, Path, Facts]) -> None:
    server, _, done = served
    with ask(server) as client:
        client.recv(1000)
    until(lambda: done)
    assert done[0][2] == "the client went away"

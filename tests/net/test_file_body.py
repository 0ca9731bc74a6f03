"""A body that cannot be finished breaks the connection, and everything is freed and told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gevent
import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from pixiecore_core.files.local import open_local
from pixiecore_core.models import BootFile
from pixiecore_core.net.file_body import CHUNK, respond
from pixiecore_core.net.first_stage import BytesSource


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
    file = BootFile(name="x", size=len(content), source=BytesSource(content))
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
    assert served == [0, 1] * 3

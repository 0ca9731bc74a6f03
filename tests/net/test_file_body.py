"""A body that cannot be finished breaks the connection, and everything is freed and told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from pixiecore_core.files.local import open_local
from pixiecore_core.net.file_body import CHUNK, respond


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

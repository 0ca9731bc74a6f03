"""Readers of the events who never read: a page that is open, and a machine that boots, go on; and the server stops."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.scene import SERVER, scene
from tests.testing.machines.test_beside_pixiecore import simulate

pytestmark = pytest.mark.servers

LAZY = 15
FIRST = "52:54:00:00:00:01"


def reader(port: int, buffer: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.settimeout(20)
    sock.connect((SERVER, port))
    sock.sendall(b"GET /_/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    return sock


def test_readers_who_never_read_cost_the_others_nothing(tmp_path: Path) -> None:
    with ExitStack() as sockets:
        with scene(tmp_path) as stage:
            port = int(stage.url.rpartition(":")[2])
            for _ in range(LAZY):
                sockets.enter_context(reader(port, 1))
            keen = sockets.enter_context(reader(port, 1 << 20))
            heard = b""
            for turn in range(3):
                ours = f"127.0.2.{1 + turn}"
                done = simulate("bios", *stage.to, "--from", ours, "--mac", FIRST, "--count", "5")
                assert done.returncode == 0, "machines boot"
                heard += keen.recv(1 << 20)
            assert b"event: machines" in heard, "a page is told"
            with urllib.request.urlopen(f"{stage.url}/_/v1/machines", timeout=5) as answer:
                assert json.load(answer)["known"] == 5
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 5

"""Neighbours who take every HTTP connection that they can get: a machine that boots is served meanwhile."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import HIGH_PORTS, read_until, serving

pytestmark = pytest.mark.servers

FLOOD = Path(__file__).with_name("connection_flood.py")
SERVER, HONEST = "127.0.0.1", "127.0.0.200"
SCRIPT = "/_/ipxe?mac=52:54:00:00:00:01&arch=x86_64&platform=efi"
SIZE = 8 << 20
"""Bytes of the kernel."""
PATIENCE = 10.0
"""Seconds; an honest client that waits so long for anything has been shut out."""


@contextmanager
def pixiecore(folder: Path, *options: str) -> Iterator[int]:
    """A server with one kernel of 8 MiB; its HTTP port."""
    kernel = folder / "vmlinuz"
    kernel.write_bytes(bytes(SIZE))
    off = ["--dhcp", "off", "--pxe", "off", "--tftp", "off"]
    with serving("boot", str(kernel), *HIGH_PORTS, *off, *options) as server:
        ready = read_until(server, "Ready:")[-1]
        found = re.search(r"HTTP on port (\d+)", ready)
        assert found, ready
        yield int(found[1])


@contextmanager
def flood(port: int, said: str, most: int, sources: list[str]) -> Iterator[None]:
    """The attack, which has taken what it can get."""
    command = [sys.executable, FLOOD, SERVER, str(port), said, str(most), *sources]
    attacker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert attacker.stdin is not None
    assert attacker.stdout is not None
    try:
        assert attacker.stdout.readline() == "holding\n"
        yield
        assert attacker.poll() is None, "the attack goes on until here"
    finally:
        attacker.stdin.close()
        attacker.wait(10)
        attacker.stdout.close()


def fetch(port: int, path: str) -> bytes:
    """The body of *path*, on a connection of its own from the honest address."""
    with socket.create_connection((SERVER, port), PATIENCE, (HONEST, 0)) as client:
        client.settimeout(PATIENCE)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {SERVER}\r\nConnection: close\r\n\r\n".encode())
        answer = bytearray()
        while part := client.recv(1 << 16):
            answer += part
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    return body


def kernel_path(port: int) -> str:
    """The kernel's, as the script that is written for a machine names it."""
    found = re.search(r"^kernel .*http://[^/]+(/\S+)", fetch(port, SCRIPT).decode(), re.MULTILINE)
    assert found
    return found[1]


def boot(port: int) -> float:
    """Fetch the script and the kernel; the seconds that it took."""
    began = time.monotonic()
    assert len(fetch(port, kernel_path(port))) == SIZE
    return time.monotonic() - began


def addresses(number: int) -> list[str]:
    return [f"127.0.0.{2 + index}" for index in range(number)]


ATTACKS = [(2, 1100), (40, 100)]
"""How many addresses, and how many connections each wants: the latter have more than all places between them."""


@pytest.mark.parametrize("said", ["", "G", r"GET / HTTP/1.1\r\nHost: x\r\nX"], ids=["nothing", "a byte", "half"])
@pytest.mark.parametrize(("number", "most"), ATTACKS)
def test_a_machine_boots_while_others_hold_every_connection(
    tmp_path: Path, number: int, most: int, said: str, record_property: Callable[[str, object], None]
) -> None:
    """Two addresses once sufficed to keep a third out for 30 s."""
    with pixiecore(tmp_path) as port, flood(port, said, most, addresses(number)):
        record_property("seconds", [boot(port) for _ in range(2)])
        assert re.search(
            r'dropped_total\{reason="gave-way",subsystem="HTTP"\} [1-9]', fetch(port, "/_/metrics").decode()
        )


def test_a_transfer_goes_on_while_others_take_every_place(tmp_path: Path) -> None:
    with pixiecore(tmp_path) as port, socket.create_connection((SERVER, port), PATIENCE, (HONEST, 0)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        client.sendall(f"GET {kernel_path(port)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head, _, body = client.recv(1 << 16).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        received = len(body)
        with flood(port, "G", 100, addresses(40)):
            boot(port)
            while part := client.recv(1 << 16):
                received += len(part)
        assert received == SIZE

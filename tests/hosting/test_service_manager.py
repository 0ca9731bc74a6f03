"""What systemd hears, on a socket of the test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent import socket

from pixiecore_core.hosting.service_manager import ServiceManager


@pytest.fixture(params=["a path", "an abstract name"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    shown = str(tmp_path / "notify") if request.param == "a path" else f"@pixiecore-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(shown.replace("@", "\0", 1) if shown.startswith("@") else shown)
        sock.settimeout(3)
        yield shown, sock


def test_ready_reloading_stopping(heard: tuple[str, socket.socket]) -> None:
    address, sock = heard
    manager = ServiceManager({"NOTIFY_SOCKET": address})
    manager.ready("for machines on eth0")
    assert sock.recv(1000) == b"READY=1\nSTATUS=for machines on eth0"
    manager.reloading()
    words = sock.recv(1000).split(b"\n")
    assert words[0] == b"RELOADING=1"
    assert words[1].removeprefix(b"MONOTONIC_USEC=").isdigit()
    manager.stopping()
    assert sock.recv(1000) == b"STOPPING=1"


def test_the_watchdog_is_fed_while_the_loop_turns(heard: tuple[str, socket.socket]) -> None:
    address, sock = heard
    manager = ServiceManager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "40000", "WATCHDOG_PID": str(os.getpid())})
    manager.ready("")
    sock.recv(1000)
    assert [sock.recv(1000) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    manager.stopping()
    while (word := sock.recv(1000)) == b"WATCHDOG=1":
        pass
    assert word == b"STOPPING=1"


@pytest.mark.parametrize(
    "environment",
    [
        {"WATCHDOG_USEC": "40000", "WATCHDOG_PID": "1"},  # somebody else's
        {"WATCHDOG_USEC": "rubbish"},
        {},
    ],
)
def test_no_watchdog_no_word(heard: tuple[str, socket.socket], environment: dict[str, str]) -> None:
    address, sock = heard
    manager = ServiceManager({"NOTIFY_SOCKET": address, **environment})
    manager.ready("")
    sock.recv(1000)
    sock.settimeout(0.1)
    with pytest.raises(TimeoutError):
        sock.recv(1000)


def test_without_a_service_manager_nothing_happens() -> None:
    manager = ServiceManager({})
    manager.ready("")
    manager.reloading()
    manager.stopping()


def test_one_that_has_gone_harms_nobody(tmp_path: Path) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "10000"})
    manager.ready("")
    gevent.sleep(0.05)
    manager.stopping()

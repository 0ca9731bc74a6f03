"""The syslog listener on loopback: datagrams and connections of a machine that was served, and of strangers."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator

import gevent
import pytest

from pixiecore_core.engine.callers import Callers
from pixiecore_core.engine.system_log import SystemLog
from pixiecore_core.models.facts import Fact, Logged, ScriptSent
from pixiecore_core.net.syslog import CONNECTIONS_OF_ONE, SyslogServer
from pixiecore_core.net.syslog_sockets import SyslogSockets
from pixiecore_core.observe.bus import Bus

MAC, HOME = "52:54:00:12:34:56", "127.0.0.1"


class Room:
    """A server, and what it has told."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.dropped: list[str] = []
        self.asides = io.StringIO()
        self.log, bus = SystemLog(Callers()), Bus()
        bus.subscribe(
            lambda fact, words: self.facts.append(fact),
            aside=lambda via, text: self.asides.write(text),
            drop=lambda via, reason: self.dropped.append(reason),
        )
        self.server = SyslogServer(SyslogSockets(HOME, 0), self.log, bus)
        self.server.start()

    def serves(self) -> None:
        self.log.hear(ScriptSent(mac=MAC, address=HOME))

    def until(self, number: int) -> list[str]:
        """The texts of so many facts."""
        with gevent.Timeout(5):
            while len(self.facts) < number:
                gevent.sleep(0.01)
        return [fact.text for fact in self.facts if isinstance(fact, Logged)]

    def drops(self, reason: str) -> None:
        with gevent.Timeout(5):
            while reason not in self.dropped:
                gevent.sleep(0.01)

    def connection(self) -> socket.socket:
        return socket.create_connection((HOME, self.server.port), timeout=5)


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.server.stop(1)


def send(room: Room, *lines: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for line in lines:
            client.sendto(line, (HOME, room.server.port))


def test_datagrams_of_a_machine_that_was_served(room: Room) -> None:
    room.serves()
    send(room, b"<13>a: one", b"<13>a: two", b"<3>a: bad", b"\xff" * 5000, b"")
    assert room.until(2) == ["one", "bad"]
    room.drops("syslog-malformed")
    assert f"{MAC} says: a: two" in room.asides.getvalue()


def test_strangers_are_not_heard(room: Room) -> None:
    send(room, b"<13>a: one")
    room.drops("syslog-unknown")
    with room.connection() as client:
        room.dropped.clear()
        room.drops("syslog-unknown")
        gevent.sleep(0)
        assert client.recv(1) == b""
    assert room.facts == []


def test_connections(room: Room) -> None:
    room.serves()
    with room.connection() as client:
        client.sendall(b"<3>a: o")
        gevent.sleep(0.05)
        client.sendall(b"ne\n10 <3>a: two!<3>a: three\n")
        assert room.until(3) == ["one", "two!", "three"]


def test_one_machine_has_few_connections(room: Room) -> None:
    room.serves()
    opened = [room.connection() for _ in range(CONNECTIONS_OF_ONE + 1)]
    room.drops("syslog-connections")
    assert room.dropped.count("syslog-connections") == 1
    for one in opened:
        one.close()
    gevent.sleep(0.1)
    with room.connection() as client:
        client.sendall(b"<3>a: again\n")
        assert room.until(1) == ["again"]


def test_it_frees_its_port() -> None:
    made = Room()
    port = made.server.port
    made.server.stop(1)
    SyslogSockets(HOME, port).close()


def test_any_port_is_one_that_is_free_for_both() -> None:
    made, taken = [], []
    try:
        for _ in range(3):
            made.append(SyslogSockets(HOME, 0))
            assert made[-1].udp.getsockname() == made[-1].tcp.getsockname()
        taken.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        taken[0].bind((HOME, 0))
        with pytest.raises(OSError, match="in use"):
            SyslogSockets(HOME, taken[0].getsockname()[1])
    finally:
        for one in [*made, *taken]:
            one.close()

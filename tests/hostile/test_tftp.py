"""TFTP, attacked by a neighbour without credentials: honest clients are served on, and others are not hurt by us."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.room import SERVER, Room, needs_a_room, resident_kilobytes

pytestmark = needs_a_room
NAME, SIZE = "525400123456/bios/x", 300_000
"""The shortest name that we give out: the worst case for an amplifier."""
ATTACK = "tests.hostile.tftp_attack"


@pytest.fixture
def room() -> Iterator[Room]:
    with Room() as made:
        yield made


@pytest.fixture
def server(room: Room, tmp_path: Path) -> subprocess.Popen[str]:
    file = tmp_path / NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(random.Random(1).randbytes(SIZE))
    return room.start_python(room.server, "tests.net.tftp_child", tmp_path, SERVER)


@pytest.fixture
def port(server: subprocess.Popen[str]) -> int:
    assert server.stdout is not None
    return int(server.stdout.readline())


def test_forged_requests_shut_nobody_out(room: Room, server: subprocess.Popen[str], port: int) -> None:
    """1,030 requests with ``timeout=255`` kept every honest client out for 290 seconds, and took 178 MB."""
    before = resident_kilobytes(server)
    assert room.attack(ATTACK, "flood", SERVER, port, NAME, 2000, 0.55) == 1100
    flood = room.start_python(room.neighbour, ATTACK, "flood", SERVER, port, NAME, 2000, 40)
    fetched = room.attack(ATTACK, "fetch", SERVER, port, NAME, 5)
    assert [fetch["bytes"] for fetch in fetched] == [SIZE] * 5
    assert flood.poll() is None, "the flood went on meanwhile"
    assert resident_kilobytes(server) - before < 32_000


def test_a_request_in_anothers_name_is_not_worth_it(room: Room, port: int) -> None:
    """A client that acknowledges nothing gets less than ten times what its request took, headers counted."""
    kinds: list[tuple[str, ...]] = [(), ("tsize=0",), ("blksize=1468", "windowsize=64", "timeout=1")]
    attacks = [
        room.start_python(room.neighbour, ATTACK, "amplify", SERVER, port, NAME, f"198.51.100.{number}", *options)
        for number, options in enumerate(kinds, 1)
    ]
    for attack in attacks:
        counted = json.loads(attack.communicate(timeout=30)[0])
        assert 0 < counted["heard"] < 10 * counted["sent"]


def test_who_cannot_see_the_port_cannot_acknowledge(room: Room, port: int) -> None:
    """The four ports that lived as long as the process made a forged address 361 times what was sent."""
    assert room.attack(ATTACK, "blind", SERVER, port, NAME)["heard"] == 0


def test_an_unreachable_client_ends_its_transfer(room: Room, server: subprocess.Popen[str], port: int) -> None:
    """The neighbour's own address, where nobody listens: its ICMP errors are heard."""
    room.attack("tests.hostile.tftp_attack", "fetch", SERVER, port, NAME, 1)
    assert server.stdout is not None
    server.stdout.readline()
    room.attack(ATTACK, "leave", SERVER, port, NAME)
    assert "does not listen" in server.stdout.readline()

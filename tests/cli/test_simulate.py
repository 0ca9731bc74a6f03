"""``pixiecore simulate``: what it lists, and what it says of mistakes. Whole boots are in tests/testing/machines."""

from __future__ import annotations

import socket

import pytest

from pixiecore_core.testing.machines.rows import ROWS
from tests.command import failure, pixiecore


def test_the_list() -> None:
    done = pixiecore("simulate", "--list")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [row.name for row in ROWS]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Say which machine: pixiecore simulate --list"),
        (["bois", "--server", "127.0.0.1"], "FIRMWARE: there is no machine 'bois'; did you mean 'bios'?"),
        (["bios"], "--interface: say where: --interface NAME"),
        (["bios", "--interface", "lo", "--server", "127.0.0.1"], "--interface: say where"),
        (["bios", "--interface", "nosuch0"], "--interface: there is no interface with an IPv4 address 'nosuch0'"),
        (["bios", "--server", "server.example"], "--server: 'server.example' is no IPv4 address"),
        (["bios", "--server", "127.0.0.1", "--from", "x"], "--from: 'x' is no IPv4 address"),
        (["bios", "--server", "127.0.0.1", "--also", "1.2.3"], "--also: '1.2.3' is no network"),
        (["bios", "--server", "127.0.0.1", "--mac", "52:54"], "--mac: "),
        (
            ["bios", "--server", "127.0.0.1", "--dhcp-port", "6967", "--set", "serial"],
            "--set: 'serial' is not NAME=VALUE",
        ),
        (["bios", "--server", "127.0.0.1", "--count", "10001"], "10001 is not in the range 1<=x<=10000"),
        (["bios", "--server", "127.0.0.1", "--vanish", "nowhere"], "'nowhere' is not one of 'offer'"),
    ],
)
def test_mistakes(arguments: list[str], words: str) -> None:
    assert words in failure(pixiecore("simulate", *arguments), 2)


def test_a_port_that_is_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        said = failure(pixiecore("simulate", "bios", "--server", "127.0.0.1", "--dhcp-port", str(port)), 1)
    assert said == (
        f"Error: port {port} of 127.0.0.1 is in use, perhaps by the server itself: give another address of this host "
        "with --from\n"
    )


def test_an_address_that_is_not_ours() -> None:
    said = failure(
        pixiecore("simulate", "bios", "--server", "127.0.0.1", "--from", "203.0.113.1", "--dhcp-port", "6967"), 1
    )
    assert said == "Error: 203.0.113.1 is no address of this host: give one with --from\n"

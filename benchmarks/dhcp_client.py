"""A ProxyDHCP load client: many machines in one process, the same for every server that is measured.

Broadcasts DISCOVERs that were made beforehand and keeps so many of them unanswered; counts offers by their xid and
does not read them further. Run as ``python -m benchmarks.dhcp_client INTERFACE WINDOW MACHINES SECONDS``; prints
JSON.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from time import monotonic, process_time

_SO_BINDTODEVICE = 25
_PATIENCE = 0.5  # seconds without an offer before what is outstanding is asked again
_OPTIONS = (
    b"\x61\x11\x00%b"  # the UUID, each machine's own
    b"\x35\x01\x01"  # DISCOVER
    b"\x37\x18\x01\x02\x03\x05\x06\x0b\x0c\x0d\x0f\x10\x11\x12\x2b\x36\x3c\x43\x80\x81\x82\x83\x84\x85\x86\x87"
    b"\x39\x02\x04\xec"
    b"\x5d\x02\x00\x00\x5e\x03\x01\x02\x01"
    b"\x3c\x20PXEClient:Arch:00000:UNDI:002001\xff"
)
"""What SeaBIOS with a plain PXE ROM sends."""


def discover(xid: int, machine: int) -> bytes:
    """A BIOS PXE ROM's DISCOVER with the broadcast flag, of the machine with this number."""
    chaddr = b"\x52\x54" + machine.to_bytes(4, "big")
    head = b"\x01\x01\x06\x00" + xid.to_bytes(4, "big") + b"\x00\x04\x80\x00" + bytes(16) + chaddr + bytes(10 + 192)
    return (head + b"\x63\x82\x53\x63" + _OPTIONS % (b"\x01" * 10 + chaddr)).ljust(548, b"\0")


def load(interface: str, window: int, machines: int, seconds: float) -> dict[str, float]:
    """Ask for offers for so long; the figures."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, interface.encode())
    sock.bind(("", 68))
    sock.settimeout(_PATIENCE)
    # More than any server here answers in the time; then it begins again, under other xids.
    packets = [discover(0, number % machines) for number in range(max(window, min(machines, 200_000)))]
    buffer, to = bytearray(2048), ("255.255.255.255", 67)
    sent_at: dict[bytes, float] = {}
    latencies: list[float] = []
    number = silences = 0

    def ask() -> None:
        nonlocal number
        packet = packets[number % len(packets)]
        xid = number.to_bytes(4, "big")
        sent_at[xid] = monotonic()
        number += 1
        sock.sendto(packet[:4] + xid + packet[8:], to)

    began, worked = monotonic(), process_time()
    end = began + seconds
    for _ in range(window):
        ask()
    while (now := monotonic()) < end:
        try:
            sock.recv_into(buffer)
        except TimeoutError:
            silences += 1
            sent_at.clear()
            for _ in range(window):
                ask()
            continue
        asked = sent_at.pop(bytes(buffer[4:8]), None) if buffer[0] == 2 else None
        if asked is not None:
            latencies.append(monotonic() - asked)
            ask()
    took, worked = now - began, process_time() - worked
    latencies.sort()
    if not latencies:
        raise SystemExit("not one offer came")
    return {
        "offers_per_second": len(latencies) / took,
        "p50": latencies[len(latencies) // 2],
        "p99": latencies[len(latencies) * 99 // 100],
        "silences": silences,
        "client_load": worked / took,
    }


if __name__ == "__main__":
    name, *numbers = sys.argv[1:]
    result = load(name, int(numbers[0]), int(numbers[1]), float(numbers[2]))
    os.write(1, json.dumps(result).encode())

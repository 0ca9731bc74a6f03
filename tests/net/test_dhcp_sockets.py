"""Both kinds of DHCP socket on a real wire: each knows its interface, and answers out of it and from our port."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

SERVER = """
import sys
from ipaddress import IPv4Address
from pixiecore_core.net.dhcp_socket import DhcpSocket
from pixiecore_core.net.packet_socket import PacketSocket
from pixiecore_core.net.interfaces import Interfaces
if sys.argv[1] == "packet":
    # As beside a DHCP server on this host: the port is taken.
    taken = DhcpSocket("0.0.0.0", 67)
    sock = PacketSocket(67)
else:
    sock = DhcpSocket("0.0.0.0", 67)
print("ready", flush=True)
for _ in range(2):
    asked = sock.receive()
    interface = Interfaces().served(asked.interface)
    print(interface.name, asked.source, asked.destination, asked.data.decode(), flush=True)
    to = ("255.255.255.255", 68) if asked.source[0] == "0.0.0.0" else asked.source
    sock.send(b"answer to " + asked.data, to, asked.interface, interface.addresses[0])
sock.close()
"""

CLIENT = """
import socket, struct
broadcaster = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
broadcaster.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
broadcaster.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"there")
broadcaster.bind(("0.0.0.0", 68))
broadcaster.settimeout(5)
broadcaster.sendto(b"broadcast", ("255.255.255.255", 67))
print(*broadcaster.recvfrom(1000))
unicaster = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
unicaster.bind(("192.0.2.77", 4011))
unicaster.settimeout(5)
unicaster.sendto(b"unicast", ("192.0.2.2", 67))
print(*unicaster.recvfrom(1000))
"""


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def namespaces() -> Iterator[tuple[str, str]]:
    here, there = (f"pxdhcp-{os.getpid()}-{name}" for name in ("here", "there"))
    try:
        for name in (here, there):
            run("ip", "netns", "add", name)
        run("ip", "-n", here, "link", "add", "here", "type", "veth", "peer", "name", "there", "netns", there)
        run("ip", "-n", here, "address", "add", "192.0.2.2/24", "dev", "here")
        run("ip", "-n", there, "address", "add", "192.0.2.77/24", "dev", "there")
        run("ip", "-n", here, "link", "set", "here", "up")
        run("ip", "-n", there, "link", "set", "there", "up")
        yield here, there
    finally:
        for name in (here, there):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@pytest.mark.parametrize("kind", ["bound", "packet"])
def test_requests_are_heard_and_answered(namespaces: tuple[str, str], kind: str) -> None:
    here, there = namespaces
    inside = ["ip", "netns", "exec"]
    server = subprocess.Popen(
        [*inside, here, sys.executable, "-c", SERVER, kind], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        done = subprocess.run(
            [*inside, there, sys.executable, "-c", CLIENT], capture_output=True, text=True, timeout=20, check=False
        )
        seen, _ = server.communicate(timeout=5)
    finally:
        server.kill()
        server.communicate()
    assert done.stdout.splitlines() == [
        "b'answer to broadcast' ('192.0.2.2', 67)",
        "b'answer to unicast' ('192.0.2.2', 67)",
    ], done.stderr + seen
    assert "255.255.255.255 broadcast" in seen
    assert "here ('192.0.2.77', 4011) 192.0.2.2 unicast" in seen

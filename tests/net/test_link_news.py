"""The kernel's news of interfaces: a new address is served at once, and a storm of changes has few lookups."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pixiecore_core.wire.dhcp4 import serialize
from tests.hostile.peer import Peer
from tests.lab.network import LINK, Network
from tests.messages import message

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

INSIDE = """
import socket, subprocess, time
import gevent
from pixiecore_core.net.interfaces import Interfaces
from pixiecore_core.net.link_news import SECONDS_BETWEEN, LinkNews

def ip(*words):
    subprocess.run(["ip", *words], check=True)

ip("link", "set", "lo", "up")
ip("link", "add", "lab0", "type", "veth", "peer", "name", "lab1")
interfaces = Interfaces(clock=lambda: 1000.0)  # which never looks again by itself
calls = []
news = LinkNews(lambda: (calls.append(1), interfaces.expire()))
index = socket.if_nametoindex("lab0")

def served(wanted):
    with gevent.Timeout(10):
        while (found := interfaces.served(index)) is None or wanted not in map(str, found.addresses):
            gevent.sleep(0.01)

assert interfaces.served(index) is None
ip("address", "add", "192.0.2.2/24", "dev", "lab0")
served("192.0.2.2")
ip("address", "add", "198.51.100.2/24", "dev", "lab0")
served("198.51.100.2")
began, before = time.monotonic(), len(calls)
storm = "".join(f"address {verb} 10.0.{n}.1/24 dev lab0\\n" for n in range(250) for verb in ("add", "delete"))
gevent.get_hub().threadpool.apply(lambda: subprocess.run(["ip", "-batch", "-"], input=storm, text=True, check=True))
gevent.sleep(2 * SECONDS_BETWEEN)
most = (time.monotonic() - began) / SECONDS_BETWEEN + 2
assert 1 <= len(calls) - before <= most, (len(calls) - before, most)
news.close()
gevent.sleep(0)
heard = len(calls)
ip("address", "add", "203.0.113.2/24", "dev", "lab0")
gevent.sleep(2 * SECONDS_BETWEEN)
assert len(calls) == heard
print("done")
"""


def test_what_changes_is_known_at_once_and_a_storm_costs_little() -> None:
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-W", "error", "-c", INSIDE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "done\n", done.stderr


def test_the_server_listens_to_them(tmp_path: Path) -> None:
    """Left alone, it looks every five seconds: it is asked just after it has looked."""
    for name in ("vmlinuz", "undionly.kpxe"):
        (tmp_path / name).write_bytes(bytes(1000))
    pixiecore = [Path(sys.executable).with_name("pixiecore"), "boot", tmp_path / "vmlinuz", "--no-cache"]
    options = ["--ipxe-bios", tmp_path / "undionly.kpxe", "--key-file", tmp_path / "url.key"]
    with Network() as network, Peer(network.dhcp, LINK) as client:
        ip = ["ip", "-n", network.srv, "address"]
        subprocess.run([*ip, "flush", "dev", LINK], check=True)
        network.run_in(network.srv, [*pixiecore, *options], tmp_path / "log").wait_for("Ready:", timeout=30)

        def answers() -> list[str]:
            client.send(serialize(message()), ("0.0.0.0", 68), ("255.255.255.255", 67))
            return [str(seen.source) for seen in client.heard(silence=0.3) if seen.source_port == 67]

        assert answers() == []
        subprocess.run([*ip, "add", "192.0.2.9/24", "dev", LINK], check=True)
        assert answers() == ["192.0.2.9"]

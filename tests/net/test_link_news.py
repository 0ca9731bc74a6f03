"""The kernel's news of interfaces: a new address is served at once, and a storm of changes has few lookups."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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

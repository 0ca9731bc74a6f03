"""What is behind the soaked server: an API that says what machines boot, and a web server for their files, in one.

Files change every few seconds, some are slow, some break off, some are not there. Bounded by those who ask.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

import gevent
from gevent.pywsgi import WSGIServer

KERNELS = 60
KERNEL_BYTES, BIG_BYTES = 200_000, 6_000_000
INITRD_BYTES = 40_000
CHANGES_SECONDS = 20.0
BIG, SLOW, BROKEN, GONE = "kernel-big", "kernel-slow", "kernel-broken", "kernel-gone"
"""Files with a flaw, by their names."""
FLAWED = (SLOW, BROKEN, GONE)
FLAWED_FROM = 0xF00000
"""The number of the first machine whose kernel has a flaw; see :class:`tests.net.storm.Machine`."""


def name_of(number: int) -> str:
    """What the machine of that number boots."""
    if number >= FLAWED_FROM:
        return FLAWED[number % len(FLAWED)]
    return BIG if number % 50 == 0 else f"kernel-{number % KERNELS}"


def content(name: str, size: int) -> bytes:
    """The bytes of a file, now."""
    seed = hashlib.sha256(f"{name} {time.time() // CHANGES_SECONDS}".encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


def _answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path.startswith("/v1/boot/"):
        number = int(path.rpartition("/")[2].replace(":", "")[6:], 16)
        said = {"kernel": f"/files/{name_of(number)}", "initrd": ["/files/initrd"], "cmdline": f"number={number}"}
        body = json.dumps(said).encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    name = path.rpartition("/")[2]
    if name == GONE:
        start_response("404 Not Found", [("Content-Length", "0")])
        return []
    size = BIG_BYTES if name == BIG else INITRD_BYTES if name == "initrd" else KERNEL_BYTES
    body = content(name, size)
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    if environ.get("HTTP_IF_NONE_MATCH") == etag:
        start_response("304 Not Modified", [("ETag", etag)])
        return []
    headers = [("Content-Length", str(size)), ("ETag", etag), ("Cache-Control", "max-age=5")]
    start_response("200 OK", [*headers, ("Connection", "close")] if name == BROKEN else headers)
    return _flawed(name, body)


def _flawed(name: str, body: bytes) -> Iterator[bytes]:
    if name == BROKEN:
        yield body[: len(body) // 2]
        return
    if name == SLOW:
        for start in range(0, len(body), 20_000):
            gevent.sleep(0.3)
            yield body[start : start + 20_000]
        return
    yield body


def serve() -> WSGIServer:
    """Begin to serve on a free port of loopback."""
    server = WSGIServer(("127.0.0.1", 0), _answer, log=None)
    server.start()
    return server

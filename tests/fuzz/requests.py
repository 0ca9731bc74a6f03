"""Requests over HTTP: their heads, what follows on a connection, and the pages behind them."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from pixiecore_core import BootFile, BootSpec, FileRef, Machine, hookimpl
from pixiecore_core.assembly import Parts, assemble
from pixiecore_core.boot.tokens import KEY_BYTES, Origin, Sealed, Sealer
from pixiecore_core.errors import WireError
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.net.boot_pages import BootPages
from pixiecore_core.net.http import HttpServer
from pixiecore_core.net.site import Site
from pixiecore_core.observe.log import configure
from pixiecore_core.web import status
from pixiecore_core.web.guards import Guard
from pixiecore_core.web.hosts import OurHosts
from pixiecore_core.wire.http1 import are_loose_fields, is_loose_request_line
from tests.fuzz.target import target
from tests.hostile.test_smuggling import GET, PIECES, POST, SECOND, answers, application, strict_end

_REQUESTS = [
    GET + b"\r\n",
    POST + b"Content-Length: 5\r\n\r\nhello",
    GET + b"X-A:\tb c\r\nContent-Length: 0\r\n\r\n",
    b"GET http://x/a%20b?c=d HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
]
_WORDS = [*PIECES, b"Transfer-Encoding: chunked", b"0\r\n\r\n", b"Expect: 100-continue\r\n", b" HTTP/1.1\r\n"]


@target(_REQUESTS, _WORDS)
def http_head(data: bytes) -> None:
    """Whatever is not loose to us is what a reader has to take who knows nothing but the RFC."""
    lines = re.findall(rb"[^\n]*\n", data + b"\r\n\r\n")
    end = next(number for number, line in enumerate(lines) if line in (b"\r\n", b"\n"))
    first, fields = lines[0], lines[1:end]
    with contextlib.suppress(WireError):
        loose = is_loose_request_line(first)
        old = first.endswith(b"HTTP/1.0\r\n")
        loose |= are_loose_fields(fields, minor=0 if old else 1)
        lengths = [line for line in fields if line.lower().startswith(b"content-length")]
        coded = any(line.lower().startswith(b"transfer-encoding") for line in fields)
        if loose or coded or any(len(line) > 20 for line in lengths) or not (old or b"HTTP/1.1" in first):
            return
        assert strict_end(b"".join(lines[: end + 1]) + bytes(100_000)) is not None


_server: HttpServer | None = None


@target(_REQUESTS, _WORDS)
def http_connection(data: bytes) -> None:
    """A real server: after what a strict reader refuses, nothing on the connection is answered."""
    global _server  # noqa: PLW0603 - made when it is needed, since the other targets need none
    if _server is None:
        _server = HttpServer("127.0.0.1", 0, application, posted=["/posted"])
        _server.bind()
        _server.start()
    left = data + SECOND
    while left and (end := strict_end(left)) is not None:
        left = left[end:]
    said = answers(_server, data + SECOND)
    assert not left or b"answer to /second" not in said, said
    assert b"HTTP/1.1 500" not in said


_MAC = "52:54:00:12:34:56"
_SEALER = Sealer(bytes(KEY_BYTES))


class _Booter:
    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec:
        return BootSpec(
            kernel=FileRef(location="fuzz:kernel"), cmdline=f"serial={len(machine.serial)}", message=machine.product
        )

    @hookimpl
    def open_boot_file(self, ref: FileRef) -> BootFile:
        return BootFile.from_bytes("kernel", bytes(1000))


def _site() -> Site:
    parts = Parts(
        register=lambda manager: manager.register(_Booter(), "fuzz"),
        find=lambda table: FoundLoaders(table, {}, Path("/nonexistent")),
        open_sealer=lambda warn: _SEALER,
    )
    core = assemble(configure(stream=io.StringIO()), parts)
    core.attempts._most_machines = 50
    boot = BootPages(core.scripts, core.first_stage, core.urls, core.bus)
    shown = Guard(OurHosts(), core.bus, b"token").around(status.pages(core.attempts))
    return Site({**shown, **status.counts(core.metrics), **boot.pages()}, boot.folders())


_SITE = _site()


def _file(location: str) -> bytes:
    return _SEALER.seal(Sealed(ref=FileRef(location=location), mac=_MAC, purpose="file")).encode()


@target(
    [
        b"/_/ipxe?mac=52:54:00:12:34:56&arch=x86_64&platform=efi&product=A%0Ashell&from=x",
        b"/_/ipxe/" + _SEALER.seal_origin(Origin(mac=_MAC)).encode(),
        b"/_/file?name=" + _file("fuzz:kernel") + b"\nRange: bytes=0-9,20-\nIf-Range: x\nIf-None-Match: *",
        b"/_/folder/" + _file("fuzz:seed/") + b"/user-data",
        b"/_/booting?name=" + _SEALER.seal_page(_MAC, "/_/booting", None).encode(),
        b"/_/loader/52:54:00:12:34:56/efi-x64/snponly.efi",
        b"/_/status?machines=2&mac=52-54-00-12-34-56\nHost: localhost\nAuthorization: Bearer token",
        b"/\nHost: [::1]:80\nAuthorization: Basic eDp0b2tlbg==",
        b"/_/metrics",
    ],
    [
        b"%0a",
        b"%00",
        b"%ff",
        b"..%2f",
        b"&",
        b"=",
        b"\nRange: bytes=-",
        b"\nIf-Modified-Since: ",
        b"machines=all",
        b"/x/",
    ],
)
def page(data: bytes) -> None:
    """Every page of a boot, by whatever path, query and headers: never an error of ours, nor a header that splits."""
    first, *lines = data.split(b"\n")
    path, _, query = first.partition(b"?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_NAME": "192.0.2.2",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.77",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "pixiecore.local_address": ("192.0.2.2", 80),
    }
    for line in lines:
        name, _, value = line.partition(b": ")
        environ[f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}"] = value.decode("latin-1")
    answered: list[tuple[str, list[tuple[str, str]]]] = []
    body = _SITE(environ, lambda status, headers, *rest: answered.append((status, headers)))
    for _ in body:
        pass
    getattr(body, "close", lambda: None)()
    ((status_line, headers),) = answered
    assert not status_line.startswith("500"), status_line
    for name, value in headers:
        assert f"{name}{value}".encode("latin-1").isascii() or name
        assert "\n" not in value
        assert "\r" not in value

"""Files from other web servers: passed through whole, or failed for a stated reason."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from pixiecore_core.errors import BootFileError, BootFileNotFound
from pixiecore_core.files import upstream
from pixiecore_core.files.upstream import open_upstream
from pixiecore_core.models import FileRef

DATA = bytes(range(256)) * 4000


class Handler(http.server.BaseHTTPRequestHandler):
    """An upstream with every fault on a path of its own."""

    protocol_version = "HTTP/1.1"
    etag = '"one"'

    def do_GET(self) -> None:
        fault = self.path.strip("/")
        if fault.isdecimal():
            self.send_error(int(fault))
            return
        start = int(self.headers["Range"][6:-1]) if "Range" in self.headers and fault != "norange" else 0
        changed = self.headers.get("If-Range", self.etag) != self.etag
        body = DATA[0 if changed else start :]
        self.send_response(206 if start and not changed else 200)
        if fault != "notag":
            self.send_header("ETag", self.etag)
        if start and not changed:
            self.send_header("Content-Range", f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
        if fault == "nolength":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault == "nolength":
            self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")
        elif fault == "short":
            self.wfile.write(body[:1000])
            self.close_connection = True
        else:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


class Server(http.server.ThreadingHTTPServer):
    """Silent about clients that go away, as ours do when they are closed early."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def ref(base: str, path: str = "file") -> FileRef:
    return FileRef(location=f"{base}/{path}")


def test_it_is_passed_through(base: str) -> None:
    file = open_upstream(ref(base, "boot/vmlinuz?x=1"))
    assert (file.name, file.size, file.etag) == ("vmlinuz", len(DATA), '"one"')
    parts = [file.source.read_at(offset, 100_000) for offset in range(0, file.size, 100_000)]
    assert b"".join(parts) == DATA
    file.source.close()


def test_a_jump_asks_upstream_again_by_range(base: str) -> None:
    file = open_upstream(ref(base))
    assert file.source.read_at(5000, 100) == DATA[5000:5100]
    assert file.source.read_at(5100, 100) == DATA[5100:5200]
    assert file.source.read_at(10, 5) == DATA[10:15]
    file.source.close()


def test_a_jump_after_a_change_is_an_error(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = open_upstream(ref(base))
    monkeypatch.setattr(Handler, "etag", '"two"')
    with pytest.raises(BootFileError, match="has changed"):
        file.source.read_at(5000, 100)
    file.source.close()


def test_a_jump_where_upstream_knows_no_ranges_is_an_error(base: str) -> None:
    file = open_upstream(ref(base, "norange"))
    with pytest.raises(BootFileError, match="cannot be read from the middle"):
        file.source.read_at(5000, 100)
    file.source.close()


def test_a_body_that_ends_early_is_an_error(base: str) -> None:
    file = open_upstream(ref(base, "short"))
    with pytest.raises(BootFileError):
        file.source.read_at(0, 100_000)
    file.source.close()


def test_a_body_without_length_is_spooled(base: str) -> None:
    file = open_upstream(ref(base, "nolength"))
    assert file.size == len(DATA)
    assert file.source.read_at(700, 100) == DATA[700:800]
    file.source.close()


def test_a_spool_has_a_limit(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "SPOOL_LIMIT", 1000)
    with pytest.raises(BootFileError, match="gives no length"):
        open_upstream(ref(base, "nolength"))


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, BootFileNotFound), (410, BootFileNotFound), (403, BootFileError), (500, BootFileError)],
)
def test_an_upstream_error_is_named(base: str, status: int, error: type[BootFileError]) -> None:
    with pytest.raises(error, match=f"upstream says {status}"):
        open_upstream(ref(base, str(status)))


def test_an_upstream_that_is_not_there_is_named(base: str) -> None:
    with pytest.raises(BootFileError, match=r"127\.0\.0\.1:9/x.*[Rr]efused"):
        open_upstream(FileRef(location="http://127.0.0.1:9/x"))

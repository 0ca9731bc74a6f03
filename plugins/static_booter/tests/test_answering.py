"""Web servers that do not answer are warned of, once the server runs; those that do are not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pixiecore_static_booter import answering
from pixiecore_static_booter.answering import problem_with, shown

from pixiecore_core import FileRef
from tests.processes import HIGH_PORTS, read_until, serving


class Answers(BaseHTTPRequestHandler):
    """By the first part of the path."""

    def do_HEAD(self) -> None:
        self._answer({"/only-get": 403, "/none": 404, "/moved": 302, "/odd": 599}.get(self.path, 200))

    def do_GET(self) -> None:
        assert self.headers["Range"] == "bytes=0-0"
        self._answer({"/only-get": 206, "/none": 404, "/moved": 302, "/empty": 416, "/odd": 599}.get(self.path, 200))

    def _answer(self, status: int) -> None:
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/none")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""


@contextmanager
def web() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_what_is_wrong_with_a_url() -> None:
    with web() as base:
        for path in ("/there", "/only-get"):
            assert problem_with(base + path) is None
        assert problem_with(f"{base}/none") == "the answer is 404 Not Found"
        assert problem_with(f"{base}/moved") == "the answer is 404 Not Found"
        assert problem_with(f"{base}/odd") == "the answer is 599"
    assert problem_with(f"http://127.0.0.1:{closed_port()}/") == "no answer (Connection refused)"


def test_a_server_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert problem_with(url) == "no answer within 0.05 seconds"


def test_secrets_in_urls_are_not_shown() -> None:
    assert shown("http://me:secret@h:8080/x?signature=secret") == "http://h:8080/x?…"
    assert shown("http://h/x") == "http://h/x"


def test_only_urls_of_files_are_asked_each_once() -> None:
    locations = ["http://h/a", "/etc/passwd", "http://h/folder/", "http://h/a", "http://h/b"]
    asking = answering.Asking(FileRef(location=location) for location in locations)
    assert asking._urls == ["http://h/a", "http://h/b"]


@pytest.mark.parametrize("command", ["boot", "quick"])
def test_a_server_warns_after_it_is_ready(command: str, tmp_path: Path) -> None:
    base = f"http://127.0.0.1:{closed_port()}"
    initrd = tmp_path / "initrd"
    initrd.write_bytes(b"initrd")
    given = [f"{base}/vmlinuz", str(initrd)] if command == "boot" else ["fedora", "--mirror", base]
    with serving(command, *given, "--cmdline", f'ks={{{{ ID "{base}/ks" }}}}', *HIGH_PORTS) as server:
        read_until(server, "Ready")
        lines = read_until(server, "/ks: ")
    assert "vmlinuz: no answer (Connection refused); machines cannot boot from it until that changes" in lines[0]
    assert all(line.startswith("[Plugin] warning: static: ") for line in lines)

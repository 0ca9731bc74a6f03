"""The notifier, beside a booter that boots everybody, in a netboot server in memory."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from $package import $class_name

from pixiecore_core.testing import FixedBooter, Netboot, configured

MAC = "52:54:00:12:34:56"


def test_a_web_server_is_told_of_each_boot() -> None:
    told: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        machines = Netboot(FixedBooter(), configured($class_name, url=f"http://127.0.0.1:{server.server_port}/"))
        machines.boot(MAC)
        machines.settle()
    assert len(told) == 1
    assert MAC.encode() in told[0]
    assert 'count="told"' in machines.counts()


def test_without_a_url_nobody_is_told() -> None:
    machines = Netboot(FixedBooter(), configured($class_name))
    assert machines.boot(MAC) is not None
    machines.settle()
    assert 'count="told"' not in machines.counts()

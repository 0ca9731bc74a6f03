"""An OpenTelemetry receiver on loopback: keeps what it is sent, decoded by OpenTelemetry's own messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Receiver:
    """One receiver."""

    port: int = 0
    status: int = 200
    """What it answers."""
    received: list[tuple[str, Any]] = field(default_factory=list)
    """Path and message of each request."""

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        made = cls()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                made.received.append((self.path, ExportTraceServiceRequest.FromString(body)))
                self.send_response(made.status)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            made.port = server.server_port
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield made
            finally:
                server.shutdown()
                thread.join()

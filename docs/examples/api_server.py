#!/usr/bin/env python3
"""A small, complete API server for Pixiecore: it says what each machine boots. Standard library only; start from here.

    ./api_server.py --port 8080 machines.json
    pixiecore api http://127.0.0.1:8080

machines.json has an answer for each MAC address, and is read anew for each request:

    {"52:54:00:12:34:56": {"kernel": "http://files.example.net/vmlinuz", "cmdline": "console=ttyS0"}}
"""

from __future__ import annotations

import argparse
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

DEBIAN = "http://mirror.example/debian/dists/stable/main/installer-amd64/current/images/netboot/debian-installer/amd64"

MACHINES: dict[str, dict[str, Any]] = {
    "52:54:00:12:34:56": {
        "kernel": f"{DEBIAN}/linux",
        "initrd": [f"{DEBIAN}/initrd.gz"],
        "cmdline": {"console": "ttyS0", "priority": "low"},
        "message": "Debian, chosen by api_server.py",
    },
}
"""What each machine boots, by MAC address in lower case with colons, where no file is given."""


def decide(mac: str, known: dict[str, str], machines: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """What a machine boots, or None if it shall not netboot. This is the place for a policy of your own.

    Asked several times in one boot: answer the same way each time, and change nothing here.

    :param known: what Pixiecore knows of it: uuid, serial, arch, firmware, ...
    """
    return machines.get(mac)


class Handler(BaseHTTPRequestHandler):
    """Answers Pixiecore."""

    protocol_version = "HTTP/1.1"
    file: Path | None = None

    def do_GET(self) -> None:
        """Version 1, GET /v1/boot/MAC: the MAC address is in the path, the rest in headers."""
        mac = self.path.partition("?")[0].rpartition("/v1/boot/")[2]
        prefix = "x-pixiecore-"
        headers = {name.lower(): value for name, value in self.headers.items()}
        known = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
        self._answer(mac, known)

    def do_POST(self) -> None:
        """Version 2, POST /v2/boot: everything is in the body."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            known = json.loads(body)
            mac = known.pop("mac")
        except (ValueError, KeyError, AttributeError, TypeError):
            self._send(400, {"error": "the body must be a JSON object with a mac"})
            return
        self._answer(mac, known)

    def _answer(self, mac: str, known: dict[str, str]) -> None:
        try:
            machines = MACHINES if self.file is None else json.loads(self.file.read_text())
        except (OSError, ValueError) as error:
            self._send(500, {"error": f"{self.file}: {error}"})
            return
        answer = decide(mac, known, machines)
        if answer is None:
            self._send(404, {"error": "this machine shall not netboot"})
        else:
            self._send(200, answer)

    def _send(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """A rack that is switched on asks a hundred times at once."""

    request_queue_size = 128


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="An API server for Pixiecore.")
    parser.add_argument("machines", nargs="?", type=Path, help="JSON file with an answer for each MAC address")
    parser.add_argument("--address", default="127.0.0.1", help="where to listen (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="0 for any (default: %(default)s)")
    arguments = parser.parse_args()
    Handler.file = arguments.machines
    with Server((arguments.address, arguments.port), Handler) as server:
        sys.stdout.write(f"Serving http://{arguments.address}:{server.server_address[1]}\n")
        sys.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.stdout.write("Stopped\n")


if __name__ == "__main__":
    main()

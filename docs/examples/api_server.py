#!/usr/bin/env python3
"""A small, complete API server for Pixiecore: it says what each machine boots. Standard library only; start from here.

    ./api_server.py --port 8080 machines.json
    pixiecore api http://127.0.0.1:8080

machines.json has an answer for each MAC address, is checked at the start, and is read anew for each request:

    {"52:54:00:12:34:56": {"kernel": "http://files.example.net/vmlinuz", "cmdline": "console=ttyS0"}}
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

DEBIAN = "http://mirror.example/debian/dists/stable/main/installer-amd64/current/images/netboot/debian-installer/amd64"

Machines = dict[str, dict[str, Any]]

MACHINES: Machines = {
    "52:54:00:12:34:56": {
        "kernel": f"{DEBIAN}/linux",
        "initrd": [f"{DEBIAN}/initrd.gz"],
        "cmdline": {"console": "ttyS0", "priority": "low"},
        "message": "Debian, chosen by api_server.py",
    },
}
"""What each machine boots, by MAC address in lower case with colons, where no file is given."""


def load(path: Path) -> Machines:
    """The answers in the file *path*, by MAC address in lower case with colons.

    :raises ValueError: it cannot be read or is not as it must be; the message says why
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a JSON object with an answer for each MAC address")
    machines: Machines = {}
    for key, answer in content.items():
        mac = normalised(key)
        if not re.fullmatch("[0-9a-f]{2}(:[0-9a-f]{2}){5}", mac):
            raise ValueError(f"{path}: {key!r} is not a MAC address such as 52:54:00:12:34:56")
        if mac in machines:
            raise ValueError(f"{path}: {mac} appears twice")
        if not isinstance(answer, dict):
            raise ValueError(f"{path}: the answer for {key!r} must be a JSON object")
        machines[mac] = answer
    return machines


def normalised(mac: str) -> str:
    """A MAC address in lower case with colons, the way Pixiecore spells it."""
    return mac.strip().lower().replace("-", ":")


def decide(mac: str, known: dict[str, Any], machines: Machines) -> dict[str, Any] | None:
    """What a machine boots, or None if it should not netboot. This is the place for your own policy.

    Asked several times in one boot: answer the same way each time, and change nothing here.

    :param known: what Pixiecore knows of it: uuid, serial, arch, firmware, ...
    """
    return machines.get(mac)


class Handler(BaseHTTPRequestHandler):
    """Answers Pixiecore."""

    protocol_version = "HTTP/1.1"
    file: Path | None = None

    def do_HEAD(self) -> None:
        """What GET answers, without the body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Version 1, GET /v1/boot/MAC: the MAC address is in the path, the rest in headers."""
        mac = self.path.partition("?")[0].rpartition("/v1/boot/")[2]
        prefix = "x-pixiecore-"
        headers = {name.lower(): value for name, value in self.headers.items()}
        known = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
        self._answer(mac, known)

    def do_POST(self) -> None:
        """Version 2, POST /v2/boot: everything is in the body."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,5}", length):
            self.close_connection = True  # it is unclear where the next request begins
            self._send(400, {"error": "a body needs a Content-Length, of 99999 at most"})
            return
        try:
            known = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            known = None
        if not isinstance(known, dict) or not isinstance(known.get("mac"), str):
            self._send(400, {"error": "the body must be a JSON object with a mac"})
            return
        self._answer(known.pop("mac"), known)

    def _answer(self, mac: str, known: dict[str, Any]) -> None:
        try:
            machines = MACHINES if self.file is None else load(self.file)
        except ValueError as error:
            self._send(500, {"error": str(error)})
            return
        answer = decide(normalised(mac), known, machines)
        if answer is None:
            self._send(404, {"error": "this machine should not netboot"})
        else:
            self._send(200, answer)

    def _send(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
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
    try:
        if Handler.file is not None:
            load(Handler.file)
    except ValueError as error:
        parser.error(str(error))
    with Server((arguments.address, arguments.port), Handler) as server:
        sys.stdout.write(f"Serving http://{arguments.address}:{server.server_address[1]}\n")
        sys.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.stdout.write("Stopped\n")


if __name__ == "__main__":
    main()

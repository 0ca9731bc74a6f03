"""Where the status page is: a real server, and what each of its listeners answers."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.command import failure
from tests.command import pixiecore as run
from tests.processes import HIGH_PORTS, process, read_until, serving

SCRIPT = "/_/ipxe?mac=52:54:00:00:00:01&arch=x86_64&platform=efi"


@contextmanager
def pixiecore(folder: Path, *options: str) -> Iterator[dict[str, int]]:
    """The ports of a server, by listener."""
    (folder / "vmlinuz").write_bytes(b"kernel")
    off = ["--dhcp", "off", "--pxe", "off", "--tftp", "off"]
    with serving("boot", str(folder / "vmlinuz"), *HIGH_PORTS, *off, *options) as server:
        ready = read_until(server, "Ready:")[-1]
        yield {name: int(port) for name, port in re.findall(r"(\w+) on port (\d+)", ready)}


def get(port: int, path: str, address: str = "127.0.0.1", **headers: str) -> int:
    request = urllib.request.Request(f"http://{address}:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_the_page_is_beside_the_rest_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    with pixiecore(tmp_path, "--allow-host", "boot.example.org") as ports:
        port = ports["HTTP"]
        assert [get(port, path) for path in ("/", "/_/status", "/_/metrics", "/_/healthz")] == [200] * 4
        assert [get(port, path, Host="boot.example.org") for path in ("/", "/_/status")] == [200, 200]
        assert [get(port, path, Host="evil.example") for path in ("/", "/_/status")] == [421, 421]
        # Machines, and whoever counts or probes, may call us as they like.
        free = (SCRIPT, "/_/metrics", "/_/booting", "/_/healthz")
        assert [get(port, path, Host="evil.example") for path in free] == [200] * 4


def test_a_listener_of_its_own_with_a_token(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("0123456789abcdef\n")
    token.chmod(0o600)
    with pixiecore(tmp_path, "--status", "127.0.0.2:0", "--status-token-file", str(token)) as ports:
        assert [get(ports["HTTP"], path) for path in ("/", "/_/status", "/_/metrics", SCRIPT)] == [404, 404, 200, 200]
        own = ports["STATUS"], "127.0.0.2"
        assert [get(own[0], path, own[1]) for path in ("/", "/_/status", "/_/metrics", "/_/healthz")] == [
            *(401, 401, 200, 200)
        ]
        for sent, expected in (("wrong", 401), ("0123456789abcdef", 200)):
            assert get(own[0], "/_/status", own[1], Authorization=f"Bearer {sent}") == expected


def test_it_can_be_off(tmp_path: Path) -> None:
    with pixiecore(tmp_path, "--status", "off") as ports:
        assert [get(ports["HTTP"], path) for path in ("/", "/_/status", "/_/metrics", "/_/healthz")] == [
            *(404, 404, 200, 200)
        ]


def test_a_probe_learns_nothing_but_that_the_server_answers(tmp_path: Path) -> None:
    with (
        pixiecore(tmp_path) as ports,
        urllib.request.urlopen(f"http://127.0.0.1:{ports['HTTP']}/_/healthz", timeout=10) as answer,
    ):
        assert answer.read() == b"ok\n"
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--status", "nowhere"], "--status: give PORT, ADDRESS:PORT, 'http', 'loopback' or 'off'"),
        (["--allow-host", "http://x/"], "--allow-host: 'http://x/' is not a host name"),
        (["--http-connections-per-client", "0"], "--http-connections-per-client"),
        (["--http-shared-address", "192.0.2.1/24"], "--http-shared-address"),
    ],
)
def test_mistakes_name_the_option(tmp_path: Path, options: list[str], words: str) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    off = ["--dhcp", "off", "--pxe", "off", "--tftp", "off", "--http", "off"]
    assert words in failure(run("boot", str(tmp_path / "vmlinuz"), *off, *options), 2)


def test_a_token_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    done = process("boot", str(tmp_path / "vmlinuz"), *HIGH_PORTS, "--status-token-file", "/nowhere/token")
    assert done.returncode == 2
    assert "--status-token-file: /nowhere/token cannot be read: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr

"""The file plane in a real server, with nginx as upstream: one fetch for a hundred machines, and no machine held up."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.files.web import Page, serving
from tests.net.test_storm import wait_for_ports

SIZE = 60 << 20
MACHINES = 100
_NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
_CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr; user root;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log; sendfile on;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    server {{ listen 127.0.0.1:{port}; root {folder}/www; }}
}}
"""


@dataclass
class Server:
    """A running pixiecore whose kernel is at an upstream."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def kernel_path(self, machine: int = 1) -> str:
        """The sealed path of the kernel in that machine's script."""
        connection = self.connect()
        connection.request("GET", f"/_/ipxe?mac=52:54:00:00:00:{machine:02x}&arch=x86_64&platform=efi")
        found = re.search(r"^kernel .*http://[^/]+(/\S+)", connection.getresponse().read().decode(), re.MULTILINE)
        connection.close()
        assert found is not None
        return found[1]

    def connect(self) -> http.client.HTTPConnection:
        """A client."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def fetch(self, machine: int = 1, start: int = 0) -> tuple[int, str]:
        """Status, and the sha256 of what the machine gets."""
        connection = self.connect()
        headers = {"Range": f"bytes={start}-"} if start else {}
        connection.request("GET", self.kernel_path(machine), headers=headers)
        answer = connection.getresponse()
        digest = hashlib.sha256()
        while part := answer.read(1 << 20):
            digest.update(part)
        connection.close()
        return answer.status, digest.hexdigest()

    def status(self) -> str:
        """Every machine's timeline."""
        connection = self.connect()
        connection.request("GET", "/_/status")
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def memory(self) -> float:
        """The most it has had resident, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024 / 1e6


@contextmanager
def pixiecore(url: str, folder: Path, *options: str) -> Iterator[Server]:
    """A server for the kernel at *url*, with its cache in *folder*."""
    command = [sys.executable, "-W", "error", "-m", "pixiecore_core", "boot", url, f"--cache-dir={folder / 'cache'}"]
    command += ["--dhcp", "off", "--pxe", "off", "--tftp", "off", "--http", "127.0.0.1:0", *options]
    folder.mkdir(exist_ok=True)
    log = folder / "pixiecore.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield Server(process, wait_for_ports(process, log).http, log)
    finally:
        process.kill()
        process.wait()


@contextmanager
def nginx(folder: Path, content: bytes) -> Iterator[tuple[str, Path]]:
    """nginx with one file; the file's URL, and the access log."""
    assert _NGINX is not None, "nginx is not installed: apt-get install nginx-light"
    (folder / "www").mkdir()
    (folder / "www" / "image").write_bytes(content)
    with serving() as site:  # a free port, as far as one can know
        port = site.base.rpartition(":")[2]
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, port=port))
    process = subprocess.Popen([_NGINX, "-c", configuration, "-p", folder], stderr=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + 10
        while not (folder / "nginx.pid").exists():
            assert process.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}/image", folder / "access.log"
    finally:
        process.terminate()
        process.wait()


def test_a_hundred_machines_at_once_cost_upstream_one_download(tmp_path: Path) -> None:
    content = os.urandom(1 << 20) * (SIZE >> 20)
    expected = hashlib.sha256(content).hexdigest()
    behind_one = ["--http-shared-address", "127.0.0.1"]
    with nginx(tmp_path, content) as (url, access_log), pixiecore(url, tmp_path, *behind_one) as server:
        before = server.memory()
        with ThreadPoolExecutor(MACHINES) as machines:
            results = list(machines.map(server.fetch, range(MACHINES)))
        assert set(results) == {(200, expected)}
        fetched = re.findall(r'"GET /image HTTP/1\.1" (\d+) (\d+)', access_log.read_text())
        assert [length for status, length in fetched if status != "304"] == [str(len(content))]
        assert server.memory() < 150
        assert server.memory() - before < SIZE / 2e6, "not even the half of one copy is held"


def test_a_joining_machine_gets_its_first_byte_while_the_download_runs(tmp_path: Path) -> None:
    with serving() as site, pixiecore(site.base + "/x", tmp_path) as server:
        site.put("/x", Page(bytes(200_000), headers={"ETag": '"1"'}, pause=0.02))
        first = threading.Thread(target=server.fetch)
        first.start()
        while not site.asked:
            time.sleep(0.01)
        time.sleep(0.3)
        connection = server.connect()
        path = server.kernel_path(2)
        began = time.monotonic()
        connection.request("GET", path)
        assert connection.getresponse().read(100) == bytes(100)
        waited = time.monotonic() - began
        connection.close()
        first.join()
        # The download takes four seconds; a joining machine that waited for its end would wait three of them.
        assert waited < 1
        assert site.statuses() == [200]


def test_a_slow_machine_does_not_slow_the_others(tmp_path: Path) -> None:
    content = os.urandom(20_000_000)
    with serving() as site, pixiecore(site.base + "/x", tmp_path) as server:
        site.put("/x", Page(content, headers={"ETag": '"1"'}))
        slow = server.connect()
        slow.request("GET", server.kernel_path())
        answer = slow.getresponse()
        assert answer.read(10) == content[:10]
        assert server.fetch(2) == (200, hashlib.sha256(content).hexdigest())
        assert server.fetch(3, start=19_999_999) == (206, hashlib.sha256(content[-1:]).hexdigest())
        assert answer.read() == content[10:]
        slow.close()


def test_killed_in_the_middle_of_a_download_it_starts_again_clean(tmp_path: Path) -> None:
    with serving() as site:
        site.put("/x", Page(b"k" * 100_000, headers={"ETag": '"1"'}, pause=0.02))
        with pixiecore(site.base + "/x", tmp_path) as server:
            connection = server.connect()
            connection.request("GET", server.kernel_path())
            connection.getresponse().read(1000)
            os.kill(server.process.pid, signal.SIGKILL)
            connection.close()
        (half,) = (tmp_path / "cache" / "parts").iterdir()
        site.put("/x", Page(b"n" * 100_000, headers={"ETag": '"2"'}))
        with pixiecore(site.base + "/x", tmp_path) as server:
            assert not half.exists()
            assert server.fetch() == (200, hashlib.sha256(b"n" * 100_000).hexdigest())


@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_disk_that_fills_up_lets_everybody_boot(tmp_path: Path) -> None:
    """A real full disk: a tmpfs of two megabytes."""
    content = os.urandom(5_000_000)
    cache = tmp_path / "cache"
    cache.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", cache], check=True)
    try:
        # Upstream gives no length, so that the lack of room shows only on the way; then with a length.
        for page in (Page(content, headers={"ETag": '"1"'}, length=False), Page(content, headers={"ETag": '"2"'})):
            with serving() as site, pixiecore(site.base + "/x", tmp_path) as server:
                site.put("/x", page)
                with ThreadPoolExecutor(5) as machines:
                    results = list(machines.map(server.fetch, range(5)))
                assert set(results) == {(200, hashlib.sha256(content).hexdigest())}
                assert "is passed through" in server.log.read_text() or "cannot take more" in server.log.read_text()
    finally:
        subprocess.run(["umount", cache], check=True)


@pytest.mark.parametrize(
    ("page", "status", "reason"),
    [
        (Page(status=404), 404, "upstream says 404"),
        (Page(status=500), 502, "upstream says 500"),
        (Page(status=302, headers={"Location": "/x"}), 502, "redirects more than 10 times"),
    ],
)
def test_what_upstream_does_is_in_the_machines_timeline(tmp_path: Path, page: Page, status: int, reason: str) -> None:
    with serving() as site, pixiecore(site.base + "/x", tmp_path) as server:
        site.put("/x", page)
        assert server.fetch()[0] == status
        assert reason in server.status()


@contextmanager
def self_signed(folder: Path) -> Iterator[str]:
    """A TLS server whose certificate nobody vouches for; its URL."""
    certificate = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    certificate += ["-subj", "/CN=mirror", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*certificate, "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, capture_output=True, check=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError), connection, context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def test_a_certificate_that_nobody_vouches_for_is_in_the_timeline(tmp_path: Path) -> None:
    with self_signed(tmp_path) as base, pixiecore(base + "/vmlinuz", tmp_path) as server:
        assert server.fetch()[0] == 502
        assert f"{base}/vmlinuz: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed" in server.status()
        assert "Traceback" not in server.log.read_text()


def test_an_upstream_that_redirects_to_another_host(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    with serving() as site, pixiecore(site.base + "/here", tmp_path) as server:
        elsewhere = site.base.replace("127.0.0.1", "localhost") + "/there"
        site.put("/here", Page(status=302, headers={"Location": elsewhere}))
        site.put("/there", Page(content, headers={"ETag": '"1"'}))
        assert server.fetch() == (200, hashlib.sha256(content).hexdigest())
        assert server.fetch(start=99_000) == (206, hashlib.sha256(content[99_000:]).hexdigest())
        hosts = {asked.headers["Host"].partition(":")[0]: asked.path for asked in site.asked}
    assert hosts == {"127.0.0.1": "/here", "localhost": "/there"}


def test_two_servers_share_a_cache_while_a_file_changes(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    with serving() as site:
        url = site.put("/x", Page())
        options = (f"--cache-dir={shared}",)
        with pixiecore(url, tmp_path / "1", *options) as one, pixiecore(url, tmp_path / "2", *options) as two:
            servers = [one, two] * 10
            for version in range(4):
                content = os.urandom(1_000_000)
                latest = (200, hashlib.sha256(content).hexdigest())
                site.put("/x", Page(content, headers={"ETag": f'"{version}"'}))
                with ThreadPoolExecutor(len(servers)) as machines:
                    results = set(machines.map(Server.fetch, servers, range(len(servers))))
                assert results == {latest}
            # At most once in each server for each version, however many machines; the rest is said to be up to date.
            assert site.statuses().count(200) <= 8
            give_up = time.monotonic() + 10
            while [one.fetch(), two.fetch()] != [latest, latest] or not holds_only(shared, content):
                assert time.monotonic() < give_up
        for server in (one, two):
            assert "Traceback" not in server.log.read_text()


def holds_only(cache: Path, content: bytes) -> bool:
    """Whether there is one file in the cache, and nothing on its way there."""
    with suppress(FileNotFoundError):  # replaced meanwhile
        bodies = [body.read_bytes() for body in (cache / "bodies").iterdir()]
        return bodies == [content] and not any((cache / "parts").iterdir())
    return False


def test_two_servers_that_evict_each_others_files(tmp_path: Path) -> None:
    options = (f"--cache-dir={tmp_path / 'shared'}", "--cache-size=1500k")
    contents = [os.urandom(1_000_000), os.urandom(1_000_000)]
    with serving() as site:
        urls = [site.put(f"/{number}", Page(content)) for number, content in enumerate(contents)]
        with pixiecore(urls[0], tmp_path / "1", *options) as one, pixiecore(urls[1], tmp_path / "2", *options) as two:
            servers = [one, two] * 20
            with ThreadPoolExecutor(8) as machines:
                results = list(machines.map(Server.fetch, servers, range(len(servers))))
            expected = [(200, hashlib.sha256(content).hexdigest()) for content in contents]
            assert results == expected * 20
            for server in (one, two):
                assert "Traceback" not in server.log.read_text()

"""The example API server and its how-to: run as the page says, asked by curl, by Pixiecore, and by a machine."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pixiecore_api_booter import ApiBooter, ApiSettings

from pixiecore_core.testing import Netboot

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "api_server.py"
PAGE = (ROOT / "docs" / "how-to" / "api-server.md").read_text(encoding="utf-8")
MAC = "52:54:00:12:34:56"


@contextmanager
def running(*arguments: str) -> Iterator[str]:
    argv = [sys.executable, "-W", "error", str(EXAMPLE), "--port", "0", *arguments]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


@pytest.fixture
def machines(tmp_path: Path) -> Path:
    """The page's own machines.json."""
    found = re.search(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    path = tmp_path / "machines.json"
    path.write_text(found[1])
    return path


def curl(*arguments: str) -> str:
    """The answer with its header fields."""
    command = ["curl", "-sS", "-i", *arguments]
    return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout.decode()


@contextmanager
def netboot(url: str, **settings: object) -> Iterator[Netboot]:
    booter = ApiBooter(ApiSettings.model_validate({"url": url, **settings}))
    try:
        yield Netboot(booter)
    finally:
        booter.on_shutdown()


@pytest.mark.parametrize("version", [1, 2])
def test_a_machine_boots_from_it_and_a_stranger_is_ignored(machines: Path, version: int) -> None:
    with running(str(machines)) as url, netboot(url, api_version=version) as network:
        assert network.discover(architecture=7) is not None
        assert network.discover(ipxe=True) is not None
        script = network.script()
        assert network.discover("52:54:00:00:00:01") is None
    assert '\nboot kernel initrd=initrd0 console="ttyS0" quiet || goto failed\n' in script
    assert "Ignoring 52:54:00:00:00:01 (BIOS i386): the API (" in network.log
    assert "said 404 Not Found" in network.log


def test_its_files_reach_the_machine(machines: Path, tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    (tmp_path / "seed").write_bytes(b"#cloud-config")
    answer = {
        "kernel": (tmp_path / "vmlinuz").as_uri(),
        "cmdline": {"seed": {"url": (tmp_path / "seed").as_uri()}},
    }
    machines.write_text(json.dumps({MAC: answer}))
    with running(str(machines)) as url:
        with netboot(url, file_root=[str(tmp_path)]) as network:
            lines = network.script().splitlines()
            assert network.fetch(lines[2].split()[3]) == b"kernel"
            assert (
                network.fetch(next(line for line in lines if "seed=" in line).split("seed=")[1].split()[0])
                == b"#cloud-config"
            )
        with netboot(url) as network, pytest.raises(LookupError, match="the API said no"):
            network.script()
        assert "no folder was allowed with --file-root" in network.log


def test_a_link_does_not_lead_out_of_a_root(machines: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "secret")
    machines.write_text(json.dumps({MAC: {"kernel": (root / "link").as_uri()}}))
    with running(str(machines)) as url, netboot(url, file_root=[str(root)]) as network:
        kernel = network.script().splitlines()[2].split()[3]
        with pytest.raises(LookupError):
            network.fetch(kernel)


MISTAKES = [
    ("{", "is not JSON: Expecting property name"),
    ("[" * 100_000, "is not JSON: "),
    ("[]", "must hold a JSON object with an answer for each MAC address"),
    ('{"52:54": {}}', "'52:54' is not a MAC address such as 52:54:00:12:34:56"),
    (f'{{"{MAC}": []}}', f"the answer for '{MAC}' must be a JSON object"),
    ('{"52-54-00-00-00-AA": {}, "52:54:00:00:00:aa": {}}', "52:54:00:00:00:aa appears twice"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
def test_a_broken_file_is_a_stated_reason(machines: Path, text: str, message: str) -> None:
    machines.write_text(text)
    done = subprocess.run(
        [sys.executable, EXAMPLE, "--port", "0", machines], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"api_server.py: error: {machines}")
    assert message in done.stderr


def test_a_file_that_is_not_there_is_a_stated_reason(machines: Path) -> None:
    machines.unlink()
    command = [sys.executable, EXAMPLE, "--port", "0", machines]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith(f"error: {machines} cannot be read: No such file or directory\n")


def test_a_file_that_breaks_while_it_serves_is_a_stated_reason(machines: Path) -> None:
    with running(str(machines)) as url, netboot(url) as network:
        for text, message in MISTAKES:
            machines.write_text(text)
            answer = curl(f"{url}/v1/boot/{MAC}")
            assert answer.startswith("HTTP/1.1 500 ")
            assert message in json.loads(answer.splitlines()[-1])["error"]
        assert network.discover() is None
    assert "said 500 Internal Server Error" in network.log


def test_a_mac_address_matches_however_it_is_written(machines: Path) -> None:
    machines.write_text('{"52-54-00-AB-CD-EF": {"kernel": "k"}, "52:54:00:AB:CD:00": {"kernel": "k"}}')
    with running(str(machines)) as url:
        for mac in ("52:54:00:ab:cd:ef", "52-54-00-AB-CD-EF", "52:54:00:ab:cd:00"):
            assert curl(f"{url}/v1/boot/{mac}").startswith("HTTP/1.1 200 ")
            assert curl(f"{url}/v2/boot", "-d", json.dumps({"mac": mac})).startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"mac": []}', b"Content-Length: 11"),
        (b'{"mac": null}', b"Content-Length: 13"),
        (b"[1]", b"Content-Length: 3"),
        (b"{}", b"Content-Length: 2"),
        (b"\xff", b"Content-Length: 1"),
        (b"[" * 50_000, b"Content-Length: 50000"),
        (b"{}", b"Content-Length: two"),
        (b"{}", b"Content-Length: -1"),
        (b"", b"Content-Length: 99999999999"),
        (b"", b"X-None: 1"),
    ],
)
def test_a_question_that_is_none_is_answered_400(machines: Path, body: bytes, headers: bytes) -> None:
    with running(str(machines)) as url:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"POST /v2/boot HTTP/1.1\r\nConnection: close\r\n" + headers + b"\r\n\r\n" + body)
            with connection.makefile("rb") as answer:
                assert answer.readline() == b"HTTP/1.1 400 Bad Request\r\n"
                assert b'{"error": "' in answer.read()


def test_head_says_what_get_would(machines: Path) -> None:
    with running(str(machines)) as url:
        head = curl("-I", f"{url}/v1/boot/{MAC}", f"{url}/v1/boot/52:54:00:00:00:01")
        length = len(curl(f"{url}/v1/boot/{MAC}").rpartition("\r\n")[2])
    assert re.findall(r"^HTTP/1.1 (\d+)", head, re.MULTILINE) == ["200", "404"]
    assert f"Content-Length: {length}\n" in head.replace("\r", "")


def test_the_machines_in_the_example_itself_are_valid() -> None:
    with running() as url, netboot(url) as network:
        assert 'console="ttyS0" priority="low"' in network.script()


def test_curl_as_on_the_page(machines: Path) -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("curl -i ")]
    with running(str(machines)) as url:
        done = [
            subprocess.run(
                [word.replace("http://127.0.0.1:8080", url) for word in ["curl", "-sS", *shlex.split(line)[1:]]],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for line in lines
        ]
    assert [answer.split()[1] for answer in done] == ["200", "404", "200", "200"]

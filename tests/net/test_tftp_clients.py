"""Real TFTP clients as judges: tftp-hpa, atftp, curl and busybox fetch files whose sizes are at the edges."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SIZES = [0, 1, 511, 512, 513, 1428, 75_000, 1_000_000]
LARGE = 40_000_000
"""Bytes: more than 65,535 blocks of 512."""
LARGE_JUDGES = [("tftp-hpa", 512, 1), ("atftp", 512, 16), ("curl", 1428, 1), ("busybox", 1428, 1)]


@dataclass
class Child:
    """A running server."""

    process: subprocess.Popen[str]
    folder: Path
    port: int

    def report(self) -> dict[str, object]:
        """The next transfer's report; waits for one."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    folder = tmp_path_factory.mktemp("served")
    for size in (*SIZES, LARGE):
        (folder / f"{size}.bin").write_bytes(random.Random(size).randbytes(size))
    command = [sys.executable, "-m", "tests.net.tftp_child", str(folder), "127.0.0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        yield Child(process, folder, int(process.stdout.readline()))
        process.terminate()


def command(client: str, port: int, name: str, target: Path, blksize: int, windowsize: int = 1) -> list[str]:
    """How to fetch *name* with a client, as far as it knows the options."""
    match client:
        case "tftp-hpa":
            return ["tftp", "-m", "binary", "127.0.0.1", str(port), "-c", "get", name, str(target)]
        case "atftp":
            options = ["--option", f"blksize {blksize}", "--option", f"windowsize {windowsize}"]
            options += ["--option", "tsize 0"]
            return ["atftp", *options, "-g", "-r", name, "-l", str(target), "127.0.0.1", str(port)]
        case "curl":
            url = f"tftp://127.0.0.1:{port}/{name}"
            return ["curl", "-sS", "--tftp-blksize", str(blksize), "-o", str(target), url]
        case "busybox":
            options = ["-b", str(blksize), "-g", "-r", name, "-l", str(target)]
            return ["busybox", "tftp", *options, "127.0.0.1", str(port)]
    raise AssertionError(client)


def run(arguments: list[str], timeout: float = 60) -> subprocess.CompletedProcess[str]:
    if shutil.which(arguments[0]) is None:
        pytest.skip(f"{arguments[0]} is not installed")
    return subprocess.run(arguments, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("client", "blksize", "windowsize"),
    [
        ("tftp-hpa", 512, 1),
        ("atftp", 512, 1),
        ("atftp", 1428, 4),
        ("atftp", 512, 16),
        ("curl", 512, 1),
        ("curl", 1428, 1),
        ("busybox", 512, 1),
        ("busybox", 1428, 1),
    ],
)
def test_files_arrive_whole(
    server: Child, tmp_path: Path, client: str, blksize: int, windowsize: int, size: int
) -> None:
    target = tmp_path / "fetched"
    done = run(command(client, server.port, f"{size}.bin", target, blksize, windowsize))
    if size == 0 and client == "curl" and not target.exists():
        target.touch()  # curl makes no file where there is nothing to write
    assert target.read_bytes() == (server.folder / f"{size}.bin").read_bytes(), done.stderr
    report = server.report()
    assert (report["outcome"], report["size"], report["sent"]) == ("sent", size, size)
    # curl and busybox leave the option out when it says no more than the default.
    assert (report["blksize"], report["windowsize"]) == (blksize, windowsize)


def test_large_files_arrive_whole_over_the_wrap_of_block_numbers(server: Child, tmp_path: Path) -> None:
    """All judges at once, in blocks of 512 bytes where they are quick enough."""
    running = {}
    for client, blksize, windowsize in LARGE_JUDGES:
        arguments = command(client, server.port, f"{LARGE}.bin", tmp_path / client, blksize, windowsize)
        if shutil.which(arguments[0]) is not None:
            running[client] = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert running
    for client, process in running.items():
        process.wait(60)
        assert (tmp_path / client).read_bytes() == (server.folder / f"{LARGE}.bin").read_bytes(), client
        assert server.report()["outcome"] == "sent"


def test_blocks_are_no_larger_than_a_frame(server: Child, tmp_path: Path) -> None:
    target = tmp_path / "fetched"
    run(command("curl", server.port, "75000.bin", target, 8192))
    assert target.read_bytes() == (server.folder / "75000.bin").read_bytes()
    assert server.report()["blksize"] == 1468


def test_a_missing_file_is_told(server: Child, tmp_path: Path) -> None:
    done = run(command("curl", server.port, "nothing.bin", tmp_path / "fetched", 512))
    assert done.returncode == 68  # "File not found on TFTP server"
    report = server.report()
    assert report["outcome"] == "refused"
    assert "does not exist" in str(report["reason"])


def test_netascii_is_refused_in_words(server: Child, tmp_path: Path) -> None:
    done = run(["tftp", "-m", "ascii", "127.0.0.1", str(server.port), "-c", "get", "1.bin", str(tmp_path / "fetched")])
    assert "use octet" in done.stdout + done.stderr
    assert server.report()["outcome"] == "refused"


def test_storing_is_refused_in_words(server: Child, tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"x" * 2000)
    command = ["tftp", "-m", "binary", "127.0.0.1", str(server.port), "-c", "put", str(tmp_path / "mine"), "mine"]
    done = run(command)
    assert "only be fetched" in done.stdout + done.stderr
    assert not (server.folder / "mine").exists()
    assert server.report()["outcome"] == "refused"

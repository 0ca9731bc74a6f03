"""Real clients over a network that loses datagrams both ways, or carries only small ones, in namespaces of our own.

The loss is ``tc netem``'s where the kernel has it. Where it has not, as the one this was written on, a classic BPF
filter on the same device drops as many datagrams at random, in the kernel too.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from time import monotonic

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(
        os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("tc")), reason="needs root, ip and tc"
    ),
]
_numbers = count()
SIZES = {"large.bin": 1_000_000, "small.bin": 200_000, "tiny.bin": 50_000}


class Namespace:
    """A network namespace with a loopback device and a TFTP server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spawned: list[subprocess.Popen[bytes]] = []
        self.name = f"pixitftp{os.getpid()}-{next(_numbers)}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.run("ip", "link", "set", "lo", "up")
        self.process = subprocess.Popen(
            [
                *("ip", "netns", "exec", self.name),
                *(sys.executable, "-m", "tests.net.tftp_child", str(folder), "127.0.0.1"),
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self.process.stdout is not None
        self.port = self.process.stdout.readline().strip()

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the namespace."""
        command = ("ip", "netns", "exec", self.name, *command)
        return subprocess.run(command, check=check, capture_output=True, text=True, timeout=90)

    def spawn(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command in the namespace."""
        words = ("ip", "netns", "exec", self.name, *command)
        self.spawned.append(subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return self.spawned[-1]

    def lose(self, percent: float) -> str:
        """Lose that much of what is sent, both ways; by what means."""
        if (
            self.run("tc", "qdisc", "add", "dev", "lo", "root", "netem", "loss", f"{percent}%", check=False).returncode
            == 0
        ):
            return "netem"
        limit = int(2**32 * percent / 100)
        # ld random (SKF_AD_OFF + SKF_AD_RANDOM); jge limit, 1, 0; ret TC_ACT_SHOT; ret TC_ACT_OK
        code = f"4,32 0 0 4294963256,53 1 0 {limit},6 0 0 2,6 0 0 0"
        self.run("tc", "qdisc", "add", "dev", "lo", "clsact")
        self.run("tc", "filter", "add", "dev", "lo", "egress", "bpf", "da", "bytecode", code)
        return "bpf"

    def close(self) -> None:
        """End the server and remove the namespace."""
        for process in (*self.spawned, self.process):
            if process.poll() is None:
                process.kill()
            process.wait(5)
        assert self.process.stdout is not None
        self.process.stdout.close()
        subprocess.run(["ip", "netns", "delete", self.name], check=True)


@pytest.fixture
def new_namespace(tmp_path: Path) -> Iterator[Callable[[], Namespace]]:
    made: list[Namespace] = []
    folder = tmp_path / "served"
    folder.mkdir()
    for name, size in SIZES.items():
        (folder / name).write_bytes(random.Random(size).randbytes(size))

    def make() -> Namespace:
        made.append(Namespace(folder))
        return made[-1]

    yield make
    for namespace in made:
        namespace.close()


def command(judge: str, port: str, name: str, target: Path) -> list[str]:
    """How a judge fetches *name*."""
    match judge:
        case "tftp-hpa":
            return ["tftp", "-m", "binary", "127.0.0.1", port, "-c", "get", name, str(target)]
        case "atftp":
            options = ["--option", "windowsize 16", "--option", "blksize 1428", "--tftp-timeout", "1"]
            return ["atftp", *options, "-g", "-r", name, "-l", str(target), "127.0.0.1", port]
        case "curl":
            # Makes curl ask for a timeout of 1 second; left alone it asks for 6, and that is then what a loss costs.
            options = ["--connect-timeout", "5", "--tftp-blksize", "1428"]
            return ["curl", "-s", *options, "-o", str(target), f"tftp://127.0.0.1:{port}/{name}"]
        case "busybox":
            return ["busybox", "tftp", "-b", "1428", "-g", "-r", name, "-l", str(target), "127.0.0.1", port]
    raise AssertionError(judge)


def test_losing_1_and_5_percent_of_all_datagrams(new_namespace: Callable[[], Namespace], tmp_path: Path) -> None:
    """All judges at once, in two namespaces. In lock-step each loss costs a timeout, so the files are small."""
    running = []
    for percent in (1, 5):
        namespace = new_namespace()
        namespace.lose(percent)
        for judge in ("tftp-hpa", "atftp", "curl", "busybox"):
            name = {"atftp": "large.bin", "curl": "tiny.bin"}.get(judge, "large.bin" if percent == 1 else "small.bin")
            target = tmp_path / f"{judge}-{percent}"
            arguments = command(judge, namespace.port, name, target)
            if shutil.which(arguments[0]) is not None:
                running.append((judge, percent, namespace.folder / name, target, namespace.spawn(*arguments)))
    assert running
    failures = []
    end = monotonic() + 60
    for judge, percent, source, target, process in running:
        try:
            status: object = process.wait(max(0.1, end - monotonic()))
        except subprocess.TimeoutExpired:
            status = "has not ended"
        if not target.exists() or target.read_bytes() != source.read_bytes():
            failures.append(f"{judge} at {percent} %: status {status}")
    assert not failures


def test_the_loss_is_real(new_namespace: Callable[[], Namespace]) -> None:
    namespace = new_namespace()
    means = namespace.lose(20)
    script = (
        "import socket; a = socket.socket(type=socket.SOCK_DGRAM); a.bind(('127.0.0.1', 0)); a.setblocking(False)\n"
        "count = 0\n"
        "for _ in range(2000):\n"
        "    try: a.sendto(b'x', a.getsockname()); a.recv(9); count += 1\n"
        "    except OSError: pass\n"
        "print(count)"
    )
    arrived = int(namespace.run(sys.executable, "-c", script).stdout)
    assert 1450 < arrived < 1750, means


def test_blocks_larger_than_the_path_travel_in_fragments(
    new_namespace: Callable[[], Namespace], tmp_path: Path
) -> None:
    """UDP_SEGMENT refuses segments over the MTU, so windows have to go out block by block."""
    if shutil.which("atftp") is None:
        pytest.skip("atftp is not installed")
    namespace = new_namespace()
    namespace.run("ip", "link", "set", "lo", "mtu", "1280")
    target = tmp_path / "fetched"
    namespace.run(*command("atftp", namespace.port, "large.bin", target))
    assert target.read_bytes() == (namespace.folder / "large.bin").read_bytes()

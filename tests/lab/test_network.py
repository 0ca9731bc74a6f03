"""The lab leaves nothing behind: not after an error, not after SIGTERM, and not for the next run after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .network import Network, Process
from .packages import REPOSITORY

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

_HOLD_A_NETWORK = """
import sys, time
from pathlib import Path
from tests.lab.network import Network
with Network() as network:
    program = network.run_in(network.srv, ["sh", "-c", "echo running; exec sleep 1000"], Path(sys.argv[1]))
    program.wait_for("running", timeout=5)
    print(network.srv, flush=True)
    time.sleep(1000)
"""


def namespaces() -> str:
    return subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout


def processes_in(namespace: str) -> str:
    return subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False).stdout


def hold_a_network(folder: Path) -> tuple[subprocess.Popen[str], str]:
    argv = [sys.executable, "-c", _HOLD_A_NETWORK, str(folder / "log")]
    holder = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    assert holder.stdout is not None
    with holder.stdout as output:
        return holder, output.readline().strip()


def test_an_error_removes_everything(tmp_path: Path) -> None:
    started: list[Process] = []

    def fail_inside(network: Network) -> None:
        with network:
            started.append(network.run_in(network.srv, ["sleep", "1000"], tmp_path / "log"))
            raise ZeroDivisionError

    network = Network()
    with pytest.raises(ZeroDivisionError):
        fail_inside(network)
    assert started[0].ended
    assert network.srv not in namespaces()


def test_sigterm_removes_everything(tmp_path: Path) -> None:
    holder, namespace = hold_a_network(tmp_path)
    assert namespace in namespaces()
    holder.terminate()
    assert holder.wait(timeout=10) == 128 + signal.SIGTERM
    assert namespace not in namespaces()


def test_the_next_network_removes_what_a_killed_run_left(tmp_path: Path) -> None:
    holder, namespace = hold_a_network(tmp_path)
    holder.kill()
    holder.wait()
    assert namespace in namespaces()
    give_up = time.monotonic() + 5
    while processes_in(namespace) and time.monotonic() < give_up:  # the kernel ends them, in its own time
        time.sleep(0.01)
    assert processes_in(namespace) == ""
    with Network():
        assert namespace not in namespaces()

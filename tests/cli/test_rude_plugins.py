"""Plugins that take what belongs to the whole process, and a server that goes on and ends all the same."""

from __future__ import annotations

import re
import signal
import socket
import struct
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from pixiecore_core.plugins import watching
from tests.command import failure, pixiecore
from tests.processes import HIGH_PORTS, PIXIECORE, install_plugin

pytestmark = pytest.mark.servers

HEAD = """
import io, os, signal, sys, threading, time
import gevent
from gevent import monkey
from pixiecore_core import hookimpl
"""
MAC = "52:54:00:12:34:56"
SCRIPT = f"/_/ipxe?mac={MAC}&arch=x86_64"


class Rude:
    """A server with a rude plugin: its process, its log, and its HTTP port."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log
        self.port = int(self.wait_for(r"HTTP on port (\d+)"))

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_for(self, pattern: str) -> str:
        give_up = time.monotonic() + 15
        while not (found := re.search(pattern, self.log())):
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < give_up, self.log()
            time.sleep(0.05)
        return found[found.lastindex or 0]

    def get(self, path: str = SCRIPT) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            data: bytes = answer.read()
        return data

    def end(self, number: int = signal.SIGTERM) -> float:
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout=6)
        return time.monotonic() - started


@contextmanager
def rude(folder: Path, code: str, size: int = 6, options: tuple[str, ...] = ()) -> Iterator[Rude]:
    environment = install_plugin(folder, HEAD + code)
    (folder / "vmlinuz").write_bytes(b"k" * size)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*PIXIECORE, "boot", str(folder / "vmlinuz"), *HIGH_PORTS, *options],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    try:
        yield Rude(process, folder / "log")
    finally:
        process.kill()
        process.wait()


def test_a_client_that_goes_away_ends_nothing(tmp_path: Path) -> None:
    """Command-line libraries have SIGPIPE end the process, and say so when they are imported."""
    code = "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
    with rude(tmp_path, code, size=8_000_000) as server:
        found = re.search(r"http://[^/\s]+(/_/file\S+)", server.get().decode())
        assert found is not None
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.sendall(f"GET {found[1]} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                client.recv(100)
                client.shutdown(socket.SHUT_WR)
                time.sleep(0.1)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(0.3)
        assert b"#!ipxe" in server.get()
        server.end()
        assert server.process.returncode == 0


ALARM = """
def expire(number, frame):
    raise {error}("too slow")
signal.signal(signal.SIGALRM, expire)

@hookimpl
def on_startup():
    signal.setitimer(signal.ITIMER_REAL, 0.3)
"""


@pytest.mark.parametrize("error", ["TimeoutError", "SystemExit", "KeyboardInterrupt"])
def test_a_signal_handler_that_raises_ends_nothing(tmp_path: Path, error: str) -> None:
    with rude(tmp_path, ALARM.format(error=error)) as server:
        server.wait_for(f"warning: A signal handler, perhaps a plugin's, raised {error}: too slow; the server goes on")
        assert b"#!ipxe" in server.get()
        server.end()
        assert server.process.returncode == 0
        assert "Traceback" not in server.log()


def test_an_error_of_c_code_in_a_greenlet_ends_nothing(tmp_path: Path) -> None:
    code = """
def fail():
    raise SystemError("bad C code")

@hookimpl
def on_startup():
    gevent.spawn_later(0.2, fail)
"""
    with rude(tmp_path, code) as server:
        server.wait_for("SystemError: bad C code")
        time.sleep(0.2)
        assert b"#!ipxe" in server.get()
        server.end()
        assert server.process.returncode == 0


@pytest.mark.parametrize(
    ("left_behind", "names"),
    [
        ("threading.Thread(target=time.sleep, args=(60,), name='collector').start()", "collector"),
        (
            "from concurrent.futures import ThreadPoolExecutor\n"
            "    ThreadPoolExecutor(2, 'writer').submit(time.sleep, 60)",
            "writer_0",
        ),
    ],
    ids=["thread", "executor"],
)
def test_what_a_plugin_left_behind_does_not_keep_the_process(tmp_path: Path, left_behind: str, names: str) -> None:
    with rude(tmp_path, f"@hookimpl\ndef on_startup():\n    {left_behind}\n") as server:
        took = server.end()
        assert 1.9 < took < 4, server.log()
        assert server.process.returncode == 0
        end = f"without waiting for threads that plugins have begun and not ended: {names}\n"
        assert server.log().endswith(end)
        assert "[Init] Stopped\n" in server.log()


def test_what_ends_by_itself_costs_no_word(tmp_path: Path) -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(2)

@hookimpl
def on_startup():
    pool.submit(time.time)
"""
    with rude(tmp_path, code) as server:
        assert server.end() < 1.9
        assert server.log().endswith("[Init] Stopped\n")


STUCK = {
    "import": "wait()\n",
    "register_policies": "@hookimpl\ndef register_policies(register): wait()\n",
    "register_commands": "@hookimpl\ndef register_commands(commands): wait()\n",
    "its constructor": (
        "from pydantic import BaseModel\n"
        "class Policy:\n"
        "    name = 'broken'\n"
        "    class Settings(BaseModel): pass\n"
        "    def __init__(self, settings): wait()\n"
        "@hookimpl\ndef register_policies(register): register(Policy)\n"
    ),
}
SAID = "[Plugin] warning: plugin 'broken' is still being loaded ({})\n"


def test_a_server_whose_plugin_does_not_come_back_from_loading_names_it(tmp_path: Path) -> None:
    with rude(tmp_path, f"def wait(): monkey.get_original('time', 'sleep')(6)\n{STUCK['import']}") as server:
        assert server.log().startswith(SAID.format("import"))
        assert server.log().count("still being loaded") == 1


@pytest.mark.parametrize("step", STUCK)
def test_a_plugin_that_does_not_come_back_from_loading_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], step: str
) -> None:
    """It waits until it has been named, and is named once; on a busy machine others may be slow as well."""
    monkeypatch.setattr(watching, "LOADING_SECONDS", 0.05)
    named = Event()
    tell = watching.say

    def say(text: str, level: str) -> None:
        tell(text, level)
        if "'broken'" in text:
            named.set()

    monkeypatch.setattr(watching, "say", say)
    monkeypatch.setattr(watching, "named", named, raising=False)
    wait = "def wait():\n    from pixiecore_core.plugins import watching\n    assert watching.named.wait(10)\n"
    path = install_plugin(tmp_path, HEAD + wait + STUCK[step])["PYTHONPATH"]
    done = pixiecore("select", "--booter", "static", "--kernel", __file__, "--mac", MAC, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    lines = capfd.readouterr().err.splitlines(keepends=True)
    assert [line for line in lines if "'broken'" in line] == [SAID.format(step)]


def test_an_option_that_goes_before_the_command() -> None:
    message = failure(pixiecore("select", "--mac", "52:54:00:12:34:56", "--disable-plugin", "once"), 2)
    assert message.endswith("It goes before the command: pixiecore --disable-plugin NAME COMMAND …\n")

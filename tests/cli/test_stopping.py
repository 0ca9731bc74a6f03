"""SIGINT and SIGTERM end a server within two seconds, whatever a plugin does to the event loop."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from pixiecore_core.cli import signals
from tests.processes import HIGH_PORTS, PIXIECORE, install_plugin

BLOCKING = """
from gevent import monkey
from pixiecore_core import hookimpl

@hookimpl
def select_boot(machine):
    {}
"""
SPIN = "while True: pass"
SLEEP = "monkey.get_original('time', 'sleep')(60)"


@contextmanager
def server(folder: Path, block: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server whose plugin blocks when a script is asked for, and the URL that asks."""
    path = install_plugin(folder, BLOCKING.format(block))
    kernel = folder / "vmlinuz"
    kernel.write_bytes(b"kernel")
    with subprocess.Popen(
        [*PIXIECORE, "boot", str(kernel), *HIGH_PORTS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=path,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                found = re.search(r"HTTP on port (\d+)", line)
                if found:
                    yield process, f"http://127.0.0.1:{found[1]}/_/ipxe?mac=52:54:00:12:34:56&arch=x86_64"
                    break
        finally:
            process.kill()


def end(process: subprocess.Popen[str], number: int) -> float:
    started = time.monotonic()
    process.send_signal(number)
    process.wait(timeout=10)
    return time.monotonic() - started


@pytest.mark.parametrize(("block", "number"), [(SPIN, signal.SIGTERM), (SLEEP, signal.SIGINT)])
def test_while_the_loop_is_stuck(tmp_path: Path, block: str, number: int) -> None:
    with server(tmp_path, block) as (process, url):
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=0.3)
        assert end(process, number) > 1.5, "it was given time to stop in order"
        assert process.returncode == 1
        assert process.stderr is not None
        lines = process.stderr.read().splitlines()
    named, ended = lines
    assert "plugin 'broken', hook select_boot: blocks the event loop" in named
    assert "ended without stopping in order: plugin 'broken', hook select_boot" in ended


RELOADING = """
import logging
from pixiecore_core import hookimpl

log = logging.getLogger("pixiecore.broken")

@hookimpl
def on_reload():
    log.info("read %d files", 3)
    logging.getLogger("some.library").info("nobody wants to know")
    log.debug("nor this")
    raise OSError("not there")

@hookimpl
def select_boot(machine):
    {}
"""


def test_sighup_reloads_and_plugins_can_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.cli.test_stopping.BLOCKING", RELOADING)
    with server(tmp_path, "pass") as (process, _):
        process.send_signal(signal.SIGHUP)
        assert process.stdout is not None
        assert process.stdout.readline() == "[Init] Reloading on SIGHUP\n"
        said = {process.stdout.readline() for _ in range(2)}
        (place,) = tmp_path.glob("**/*broken*.py")
        assert said == {
            "[Plugin] broken: read 3 files\n",
            f"[Plugin] error: plugin 'broken', hook on_reload: OSError: not there ({place}, line 12)\n",
        }
        end(process, signal.SIGTERM)
        assert process.returncode == 0


def test_a_terminal_that_closes_ends_the_server(tmp_path: Path) -> None:
    """As it ends every program; only a service, which has no terminal, or a user's kill, means "reload"."""
    kernel = tmp_path / "vmlinuz"
    kernel.write_bytes(b"kernel")
    child, terminal = pty.fork()
    if child == 0:
        os.execv(PIXIECORE[0], [*PIXIECORE, "boot", str(kernel), *HIGH_PORTS])
    seen = b""
    while b"Ready" not in seen:
        seen += os.read(terminal, 1000)
    os.kill(child, signal.SIGHUP)
    while b"Reloading" not in seen:
        seen += os.read(terminal, 1000)
    os.close(terminal)
    give_up = time.monotonic() + 5
    ended = 0
    while not ended and time.monotonic() < give_up:
        ended, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.05)
    if not ended:
        os.kill(child, signal.SIGKILL)
    assert ended == child
    assert os.waitstatus_to_exitcode(status) == 0


def test_under_nohup_a_terminal_may_close(tmp_path: Path) -> None:
    """SIGHUP, ignored when the server starts, still has it reload, and never ends it."""
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    log = tmp_path / "log"
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        output = os.open(log, os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.execv(PIXIECORE[0], [*PIXIECORE, "boot", str(tmp_path / "vmlinuz"), *HIGH_PORTS])
    try:
        wait_for(log, "Ready")
        os.close(terminal)
        wait_for(log, "Reloading")
        os.kill(child, signal.SIGHUP)
        wait_for(log, "Reloading", 2)
        os.kill(child, signal.SIGTERM)
        wait_for(log, "Stopped")
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def wait_for(log: Path, words: str, times: int = 1) -> None:
    give_up = time.monotonic() + 10
    while not log.exists() or log.read_text().count(words) < times:
        assert time.monotonic() < give_up, log.read_text() if log.exists() else "it did not start"
        time.sleep(0.05)


IMPATIENT = """
import os, signal, time
from pydantic import BaseModel
from pixiecore_core import hookimpl

class Policy:
    name = "broken"

    class Settings(BaseModel):
        pass

    def __init__(self, settings):
        os.kill(os.getpid(), signal.SIGHUP)

@hookimpl
def register_policies(register):
    register(Policy)

@hookimpl
def select_boot(machine):
    {}
"""


def test_a_sighup_before_the_server_is_ready_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.cli.test_stopping.BLOCKING", IMPATIENT)
    with server(tmp_path, "pass") as (process, _):
        process.send_signal(signal.SIGHUP)
        assert process.stdout is not None
        assert process.stdout.readline() == "[Init] Reloading on SIGHUP\n"
        end(process, signal.SIGTERM)
        assert process.returncode == 0


def test_a_terminal_that_closes_during_the_start_ends_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(signals, "_has_terminal", lambda: True)
    with signals.starting() as hangups:
        os.kill(os.getpid(), signal.SIGHUP)
        with signals.reloading(hangups, lambda: told.append("reload"), lambda: told.append("stop")):
            assert told == [], "the terminal is still there"
        monkeypatch.setattr(signals, "_has_terminal", lambda: False)
        with signals.reloading(hangups, lambda: told.append("reload"), lambda: told.append("stop")):
            assert told == ["stop"]


@pytest.mark.parametrize("before", [signal.SIG_IGN, signal.SIG_DFL, lambda number, frame: None])
def test_what_sighup_did_before_is_restored(before: Any) -> None:
    original = signal.signal(signal.SIGHUP, before)
    try:
        with signals.starting() as hangups:
            with signals.reloading(hangups, lambda: None, lambda: None):
                pass
            os.kill(os.getpid(), signal.SIGHUP)  # while it stops
        assert signal.getsignal(signal.SIGHUP) is before
        if before is signal.SIG_IGN:
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, original)


def test_while_it_has_nothing_to_do(tmp_path: Path) -> None:
    with server(tmp_path, SPIN) as (process, _):
        time.sleep(0.3)
        assert end(process, signal.SIGTERM) < 1.7
        assert process.returncode == 0
        assert process.stdout is not None
        assert process.stdout.read() == "[Init] Stopped\n"
        assert process.stderr is not None
        assert process.stderr.read() == ""

"""Log lines on their way out: no reader, not even one that has stopped, holds up the server."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import pytest

from pixiecore_core.observe.log import MAX_WAITING, Lines, configure

LINE = "x" * 99 + "\n"


class Loop:
    """What calls back at the end of a turn, and later."""

    def __init__(self, stream: TextIO) -> None:
        self.soon: list[Callable[[], None]] = []
        self.later: list[Callable[[], None]] = []
        self.lines = Lines(stream, lambda call: self.soon.append(call), lambda seconds, call: self.later.append(call))
        self.logger = configure(stream=self.lines)

    def turn(self) -> None:
        """One turn of the loop."""
        due, self.soon, self.later = self.soon + self.later, [], []
        started = time.monotonic()
        for call in due:
            call()
        assert time.monotonic() - started < 0.5

    def write(self, *lines: str) -> None:
        for line in lines:
            self.lines.write(line)
        self.turn()


@pytest.fixture
def pipe() -> Iterator[tuple[int, Loop]]:
    reading, writing = os.pipe()
    with open(writing, "w", encoding="utf-8") as stream:
        yield reading, Loop(stream)
    with suppress(OSError):
        os.close(reading)


def read_all(reading: int, loop: Loop) -> str:
    """Everything, as the loop goes on turning."""
    os.set_blocking(reading, False)
    got = b""
    while True:
        loop.turn()
        try:
            got += os.read(reading, 1 << 20)
        except BlockingIOError:
            if not loop.soon and not loop.later:
                return got.decode()


def test_a_turns_lines_are_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = []
    write = os.write

    def noted(descriptor: int, data: bytes) -> int:
        writes.append(len(data))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", noted)
    with (tmp_path / "log").open("w") as stream:
        loop = Loop(stream)
        loop.write(*[LINE] * 500)
        loop.write("and ü\n")
    assert writes == [50_000, 7]
    assert (tmp_path / "log").read_text(encoding="utf-8") == LINE * 500 + "and ü\n"


def test_a_reader_who_stalls_holds_up_nobody_and_gets_all(pipe: tuple[int, Loop]) -> None:
    reading, loop = pipe
    lines = [f"{number:099}\n" for number in range(5000)]
    for start in range(0, 5000, 100):
        loop.write(*lines[start : start + 100])
    assert loop.later  # tries again by itself
    assert read_all(reading, loop) == "".join(lines)


def test_what_nobody_reads_is_dropped_and_counted(pipe: tuple[int, Loop]) -> None:
    reading, loop = pipe
    lines = [f"{number:099}\n" for number in range(20_000)]
    for start in range(0, 20_000, 100):
        loop.write(*lines[start : start + 100])
    text = read_all(reading, loop)
    loop.write("after\n")
    *kept, told = text.splitlines(keepends=True)
    assert kept == lines[: len(kept)]
    assert MAX_WAITING <= len(text) < MAX_WAITING + 100_000
    assert told.startswith(f"[Init] warning: {20_000 - len(kept)} lines were lost")
    assert read_all(reading, loop) == "after\n"


def test_a_reader_who_is_gone_is_no_error(pipe: tuple[int, Loop]) -> None:
    reading, loop = pipe
    os.close(reading)
    for _ in range(3):
        loop.write(LINE)
    assert not loop.soon
    assert not loop.later


def test_at_the_end_a_stalled_reader_gets_a_moment(pipe: tuple[int, Loop]) -> None:
    reading, loop = pipe
    loop.write(*[LINE] * 5000)
    started = time.monotonic()
    loop.lines.finish(0.1)
    assert 0.1 <= time.monotonic() - started < 0.5
    os.read(reading, 1 << 20)
    started = time.monotonic()
    loop.lines.finish(0.1)  # what it would have had to wait for is given up
    assert time.monotonic() - started < 0.1


def test_at_the_end_what_was_just_logged_is_written(pipe: tuple[int, Loop]) -> None:
    reading, loop = pipe
    loop.lines.write("last\n")
    loop.lines.finish()
    assert os.read(reading, 100) == b"last\n"


def test_a_stopped_terminal_holds_up_nobody() -> None:
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    with open(slave, "w") as stream:
        loop = Loop(stream)
        loop.write(*[LINE] * 5000)
        assert os.get_blocking(slave)  # the shell's own
        assert read_all(master, loop) == LINE * 5000
    os.close(master)


def test_a_stream_without_a_descriptor_takes_all() -> None:
    stream = io.StringIO()
    loop = Loop(stream)
    loop.write(LINE, LINE)
    assert stream.getvalue() == LINE * 2


def catches(pid: int, number: int) -> bool:
    """Whether a process has a handler for the signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1)


def test_a_server_whose_log_nobody_reads_goes_on(tmp_path: Path) -> None:
    """The whole program, with a pipe that is full from the beginning."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writing, True)
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    ports = [part for name in ("dhcp", "pxe", "tftp", "http") for part in (f"--{name}", "127.0.0.1:0")]
    command = [sys.executable, "-W", "error", "-m", "pixiecore_core", "boot", str(tmp_path / "vmlinuz"), *ports]
    process = subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    while not catches(process.pid, signal.SIGTERM):
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    os.close(reading)
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()

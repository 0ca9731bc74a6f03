"""The table below the log: drawn, taken back before each line, and never in the way of a pipe."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

import pytest

from pixiecore_core.assembly import Core, Parts, assemble
from pixiecore_core.cli import live_table
from pixiecore_core.cli.live_table import LiveTable, is_wanted
from pixiecore_core.cli.status import ago, progress
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.models import Client
from pixiecore_core.models.facts import Booting, Offered, ScriptSent
from pixiecore_core.observe.log import Lines, configure
from pixiecore_core.observe.progress import Moving
from pixiecore_core.settings.server import ServerSettings
from tests.processes import PIXIECORE

MAC = "52:54:00:12:34:56"


class Terminal:
    """What is written to it, and what that leaves on the screen."""

    def __init__(self) -> None:
        self.text = io.StringIO()
        self.lines = Lines(self.text, lambda release: None)

    def screen(self) -> list[str]:
        """The lines, after the moves that the table makes: up, and clear to the end."""
        shown: list[str] = []
        for part in re.split(r"(\x1b\[\d+A\r\x1b\[J)", self.text.getvalue()):
            up = re.fullmatch(r"\x1b\[(\d+)A\r\x1b\[J", part)
            if up is not None:
                del shown[len(shown) - int(up[1]) :]
                continue
            plain = re.sub(r"\x1b\[[\d;]*m", "", part)
            shown += plain.split("\n")[:-1]
        return shown


@pytest.fixture
def core() -> Core:
    parts = Parts(lambda manager: None, lambda table: FoundLoaders(table, {}, Path("/nonexistent")))
    return assemble(configure(stream=io.StringIO()), parts)


@pytest.fixture
def terminal(core: Core, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setattr(live_table, "EVERY_SECONDS", 0.0)
    made = Terminal()
    made.lines.around = LiveTable(made.lines, core, lambda: (120, 24)).around
    return made


def say(terminal: Terminal, text: str) -> None:
    terminal.lines.write(text)
    terminal.lines.release()


def test_lines_scroll_above_the_table(core: Core, terminal: Terminal) -> None:
    say(terminal, "one\n")
    assert terminal.screen() == ["one"], "no machine, no table"
    core.bus.report(ScriptSent(mac=MAC, address="192.0.2.100"))
    say(terminal, "two\n")
    say(terminal, "three\n")
    screen = terminal.screen()
    assert screen[:3] == ["one", "two", "three"]
    assert screen[3].startswith("───")
    assert screen[4].split()[:2] == ["machine", "state"]
    assert screen[5].startswith(MAC)
    assert len(screen) == 6
    core.bus.report(Booting(mac=MAC))
    say(terminal, "four\n")
    assert terminal.screen()[3] == "four"
    assert "booting" in terminal.screen()[6]


def test_a_file_on_its_way_has_a_bar(core: Core, terminal: Terminal) -> None:
    core.bus.report(ScriptSent(mac=MAC))
    core.progress.begin(Moving(MAC, "/srv/vmlinuz", 8_000_000, 4_000_000, time.monotonic() - 2))
    say(terminal, "one\n")
    assert "━━━━━───── 50% of 8.0 MB, 2.0 MB/s vmlinuz" in terminal.screen()[3]


def test_what_is_known_of_the_network_is_in_its_note(core: Core, terminal: Terminal) -> None:
    core.neighbourhood.listens(since=float("-inf"))
    for _ in range(3):
        core.bus.report(Offered(mac=MAC, stage="dhcp", client=Client.PXE))
    terminal.lines.around = LiveTable(terminal.lines, core, lambda: (400, 24)).around
    say(terminal, "one\n")
    assert "no DHCP server was heard" in terminal.screen()[3]


def test_a_low_terminal_shows_some_and_says_how_many_more(core: Core, terminal: Terminal) -> None:
    for number in range(40):
        core.bus.report(ScriptSent(mac=f"52:54:00:00:00:{number:02x}"))
    say(terminal, "one\n")
    screen = terminal.screen()
    assert screen[-1] == "and 31 more: pixiecore status"
    assert len(screen) == 1 + 2 + 9 + 1


def test_what_a_machine_calls_itself_moves_no_cursor(core: Core, terminal: Terminal) -> None:
    core.bus.report(ScriptSent(mac=MAC, address="\x1b[2J\x1b[31mred"))
    say(terminal, "one\n")
    assert "\x1b[2J" not in terminal.text.getvalue()


@pytest.mark.parametrize(
    ("settings", "term", "wanted"),
    [({}, "dumb", False), ({"plain": True}, "xterm", False), ({"log_format": "json"}, "xterm", False)],
)
def test_where_there_is_none(
    settings: dict[str, object], term: str, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert is_wanted(ServerSettings.model_validate(settings)) is wanted


def test_words_for_progress_and_age() -> None:
    assert progress(None) == ""
    assert progress({"file": "", "size": 0, "bytes": 0, "seconds": 0}) == ""
    assert [ago(seconds) for seconds in (-1, 3, 99, 100, 7200, 200_000)] == [
        "0 s",
        "3 s",
        "99 s",
        "2 min",
        "2 h",
        "2 d",
    ]


def test_a_real_terminal_and_its_end(tmp_path: Path) -> None:
    """The table is gone in the end, and the terminal has whole lines."""
    kernel = tmp_path / "vmlinuz"
    kernel.write_bytes(b"kernel")
    leader, follower = pty.openpty()
    listeners = [f"--{name}=127.0.0.1:0" for name in ("dhcp", "pxe", "tftp", "http")]
    command = [*PIXIECORE, "boot", str(kernel), *listeners, "--no-history", "--key-file", str(tmp_path / "key")]
    process = subprocess.Popen(command, stdout=follower, stderr=follower, env={**os.environ, "TERM": "xterm"})
    os.close(follower)
    text, until = b"", time.monotonic() + 30
    while time.monotonic() < until:
        if select.select([leader], [], [], 0.2)[0]:
            try:
                text += os.read(leader, 65536)
            except OSError:
                break
        if b"Ready" in text and process.poll() is None and b"Stopped" not in text:
            process.terminate()
    os.close(leader)
    assert process.wait(10) == 0
    assert b"Ready" in text
    assert text.rstrip().endswith(b"Stopped")

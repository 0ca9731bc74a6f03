"""The live table of ``pixiecore run`` on a terminal: the machines of late below, the log scrolling above.

Everything goes out as one stream, which never waits: what was drawn is taken back, log lines follow, and the table is
drawn again. Asks what it shows of the core; changes nothing.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import gevent
from rich.console import Console

from pixiecore_core.assembly import Core
from pixiecore_core.cli.status import machines_table
from pixiecore_core.observe.log import Lines
from pixiecore_core.settings.server import ServerSettings
from pixiecore_core.web.views import case_of, summary

EVERY_SECONDS = 0.5
LATELY_SECONDS = 600.0
"""How long a machine stays in the table after it was heard of last; booted ones and those that failed, too."""
_FEWEST = 3
"""Machines, however low the terminal is."""
_OTHER_LINES = 3
"""Of the table: a rule, the heads, and how many more there are."""


def is_wanted(settings: ServerSettings) -> bool:
    """Whether lines go to a terminal that can show it."""
    smart = os.environ.get("TERM", "dumb") not in ("", "dumb")
    return not settings.plain and settings.log_format == "text" and smart and sys.stdout.isatty()


class LiveTable:
    """Draws the table around what *lines* writes.

    :param size: the terminal's columns and lines
    """

    def __init__(self, lines: Lines, core: Core, size: Callable[[], tuple[int, int]] = os.get_terminal_size) -> None:
        self._lines = lines
        self._core = core
        self._size = size
        self._shown = 0
        self._drawn_at = float("-inf")
        self._table = ""
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Begin to draw."""
        self._lines.around = self.around
        self._greenlet = gevent.spawn(self._draw)

    def stop(self) -> None:
        """Take the table back; lines go on as plain ones."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None
        self._lines.around = lambda text: self._taken_back() + text
        self._lines.write("")
        self._lines.release()
        self._lines.around = str

    def around(self, text: str) -> str:
        """*text*, with what takes the last table back before it, and the next one behind it."""
        taken_back = self._taken_back()
        if time.monotonic() - self._drawn_at >= EVERY_SECONDS / 2:
            self._drawn_at = time.monotonic()
            self._table = self._rendered()
        self._shown = self._table.count("\n")
        return taken_back + text + self._table

    def _draw(self) -> None:
        while True:
            gevent.sleep(EVERY_SECONDS)
            if not self._lines.waiting:
                self._lines.write("")

    def _taken_back(self) -> str:
        shown, self._shown = self._shown, 0
        return f"\x1b[{shown}A\r\x1b[J" if shown else ""

    def _rendered(self) -> str:
        columns, height = self._size()
        now, attempts, moving = time.time(), self._core.attempts, self._core.progress.now()
        around = self._core.neighbourhood.now()
        most = max(_FEWEST, height // 2 - _OTHER_LINES)
        rows: list[dict[str, Any]] = []
        more = 0
        for mac in attempts.machines():
            attempt = attempts.latest(mac)
            if attempt is None or not attempt.facts or now - attempt.facts[-1].at > LATELY_SECONDS:
                break  # they are in the order in which they were heard of
            if len(rows) < most:
                case = case_of(mac, attempt, now, around, moving.get(mac))
                one = summary(attempt, True, moving.get(mac), case)
                rows.append(one.model_dump(mode="json"))
            else:
                more += 1
        if not rows:
            return ""
        out = io.StringIO()
        console = Console(file=out, width=columns, force_terminal=True, color_system="standard", highlight=False)
        console.rule(style="dim")
        console.print(machines_table({"machines": rows}, columns))
        if more:
            console.print(f"and {more} more: pixiecore status", style="dim")
        return out.getvalue()

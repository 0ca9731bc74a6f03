"""What a booted system's syslog adds to its machine's timeline: its steps, its first errors, and how much it says.

A system writes thousands of lines, and anybody may send some: unknown senders are nobody's, each machine has a ration,
and few lines become facts. Pure: the time is an argument, and what is kept is bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

from pixiecore_core.boot.rationing import Ration, Rations
from pixiecore_core.engine.callers import Callers
from pixiecore_core.engine.milestones import milestone
from pixiecore_core.models.facts import Fact, Logged, ScriptSent, SentToDisk
from pixiecore_core.wire.syslog import SyslogLine, parse

LINES_OF_ONE = (50.0, 2000.0)
"""A second, and at once: a kernel hands over all of its boot's messages in one go."""
LINES_OF_ALL = (2000.0, 20_000.0)
ERROR = 3
"""RFC 5424 section 6.2.1; what is as bad or worse is told by itself."""
_ERRORS = (0.1, 6.0)
_LATEST_SECONDS = 30.0
"""How often the latest line of a system is told that only goes on talking."""
_MACHINES = 10_000

Dropped = Literal["syslog-unknown", "syslog-rationed", "syslog-malformed"]


@dataclass(slots=True)
class _Said:
    """What a system has said in this attempt."""

    lines: int = 0
    step: str = ""
    text: str = ""
    told: float | None = None
    """When its latest line was told last."""
    errors: Ration = field(default_factory=lambda: Ration(*_ERRORS))


@dataclass(frozen=True, slots=True)
class Taken:
    """A line, and what is to be told of it, if anything."""

    mac: str
    line: SyslogLine
    fact: Logged | None


class SystemLog:
    """The lines of all machines. Subscribes to a bus.

    :param callers: knows which machine is where
    """

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._rations = Rations(LINES_OF_ONE, LINES_OF_ALL)
        self._said: OrderedDict[str, _Said] = OrderedDict()

    def hear(self, fact: Fact, sentence: str = "") -> None:
        """A machine that gets its script begins anew."""
        self._callers.hear(fact)
        if isinstance(fact, (ScriptSent, SentToDisk)):
            self._said.pop(fact.mac or "", None)

    def knows(self, address: str) -> bool:
        """Whether a machine of ours is at *address*."""
        return self._callers.machine_at(address) is not None

    def take(self, address: str, data: bytes, now: float) -> Taken | Dropped:
        """One line, from *address*.

        :param now: seconds, monotonic
        """
        mac = self._callers.machine_at(address)
        if mac is None:
            return "syslog-unknown"
        if not self._rations.take(mac, now):
            return "syslog-rationed"
        line = parse(data)
        if line is None:
            return "syslog-malformed"
        said = self._said.get(mac)
        if said is None:
            said = self._said[mac] = _Said()
            if len(self._said) > _MACHINES:
                self._said.popitem(last=False)
        said.lines += 1
        step = milestone(line)
        if not self._is_news(said, line, step, now):
            return Taken(mac, line, None)
        fact = Logged(
            mac=mac,
            program=line.program,
            severity=line.severity,
            text=line.text,
            step=step,
            lines=said.lines,
            address=address,
        )
        return Taken(mac, line, fact)

    def _is_news(self, said: _Said, line: SyslogLine, step: str, now: float) -> bool:
        if step:
            news, said.step = step != said.step, step
            return news
        if line.severity <= ERROR and line.text != said.text and said.errors.take(now):
            said.text = line.text
            return True
        if line.severity <= ERROR or (said.told is not None and now - said.told < _LATEST_SECONDS):
            return False
        said.told = now
        return True

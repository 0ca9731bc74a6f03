"""Plays simulated machines over the network: one boot from its start to its end, with times. Decides nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import gevent

from pixiecore_core.testing.machines import over_http, over_tftp
from pixiecore_core.testing.machines.faults import Faults, Vanished
from pixiecore_core.testing.machines.over_dhcp import DhcpWire
from pixiecore_core.testing.machines.reach import Reach
from pixiecore_core.testing.machines.steps import (
    Ask,
    End,
    Fetched,
    FetchHttp,
    FetchTftp,
    Outcome,
    Pause,
    Play,
    Stage,
    Step,
    Tell,
    play,
)
from pixiecore_core.testing.machines.words import sentences

Heard = Callable[[float, str], None]
"""Takes a line of a timeline, and its time in seconds since the boot's start."""


@dataclass(slots=True)
class Played:
    """A boot that has ended."""

    mac: str
    end: End
    seconds: float
    """That it took."""
    reached: dict[Stage, float] = field(default_factory=dict)
    """When each stage was over for the last time, in seconds since the start."""
    timeline: list[tuple[float, str]] = field(default_factory=list)
    """What happened and when, where that is kept."""


@dataclass(frozen=True, slots=True)
class Network:
    """The way to the server.

    :param timeout: seconds that a boot may take
    :param keep: whether timelines are kept, beside what is heard of them
    """

    reach: Reach
    dhcp: DhcpWire
    faults: Faults
    timeout: float = 300.0
    keep: bool = True

    def boot(self, mac: str, machine: Play[End], heard: Heard = lambda at, line: None) -> Played:
        """Play one boot.

        :param heard: told of each step when it is over
        :raises StartError: this host cannot send what it has to
        """
        began, reached, timeline = time.monotonic(), dict[Stage, float](), list[tuple[float, str]]()

        def perform(step: Step) -> object:
            start = time.monotonic()
            result = self._perform(step)
            now = time.monotonic()
            came = _came(step, result, now - start)
            if came is not None and isinstance(step, Ask | FetchHttp | FetchTftp):
                reached[step.stage] = start - began + came
            for after, line in sentences(step, result, now - start) if self.keep else ():
                timeline.append((start - began + after, line))
                heard(*timeline[-1])
            return result

        try:
            with gevent.Timeout(self.timeout):
                end = play(machine, perform)
        except Vanished:
            end = End(Outcome.VANISHED, f"it was switched off at its {self.faults.vanish}")
        except gevent.Timeout:
            end = End(Outcome.FAILED, f"it took more than {self.timeout:g} s (--timeout)")
        return Played(mac, end, time.monotonic() - began, reached, timeline)

    def _perform(self, step: Step) -> object:
        match step:
            case Ask():
                problem = "" if step.to is None else self.reach.problem_with(str(step.to))
                return () if problem else self.dhcp.ask(step, self.faults)
            case FetchTftp():
                problem = self.reach.problem_with(step.server)
                if problem:
                    return Fetched(problem=problem, cause="forbidden")
                return over_tftp.fetch(step, self.reach, self.faults)
            case FetchHttp():
                return over_http.fetch(step, self.reach, self.faults)
            case Pause(seconds):
                gevent.sleep(seconds)
            case Tell():
                pass
        return None


def _came(step: Step, result: object, took: float) -> float | None:
    """How many seconds after a step's start what it is for had come, if it did: of several answers the first counts."""
    if isinstance(result, Fetched):
        return None if result.problem else took
    return result[0].seconds if isinstance(step, Ask) and isinstance(result, tuple) and result else None

"""Many simulated machines: so many, so many at once, so many a second; and what came of them in figures."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

import gevent
from gevent.event import Event
from gevent.pool import Pool

from pixiecore_core.testing.machines.network import Played
from pixiecore_core.testing.machines.packets import Who
from pixiecore_core.testing.machines.reach import Reach
from pixiecore_core.testing.machines.rows import Row
from pixiecore_core.testing.machines.steps import Outcome, Stage
from pixiecore_core.wire.dhcp4 import NO_ADDRESS

MOST = 10_000
STAGES = {
    "offer": (Stage.OFFER, Stage.SCRIPT_OFFER),
    "first file": (Stage.LOADER,),
    "script": (Stage.SCRIPT,),
    "kernel": (Stage.KERNEL,),
}
"""What is timed, in the words of the summary: of several stages the first that a machine came to."""
_LAST_NUMBER = 1 << 24


def machines(row: Row, reach: Reach, count: int, first: str, random: Random) -> Iterator[Who]:
    """So many machines, one after the other.

    :param first: the first one's MAC address; empty for made-up ones, of the row's maker
    """
    maker = bytes.fromhex(row.maker.replace(":", ""))
    begin = int.from_bytes(maker, "big") << 24 | random.randrange(_LAST_NUMBER - MOST)
    if first:
        begin = int(first.replace(":", ""), 16)
    for number in range(begin, begin + count):
        card = (number & 0xFFFF_FFFF_FFFF).to_bytes(6, "big")
        yield Who(
            mac=card.hex(":"),
            uuid=UUID(bytes=b"\x70\x78" + maker + b"\x05\x40\x00\x80\x00" + card),
            xids=(random.getrandbits(32), random.getrandbits(32), random.getrandbits(32)),
            address=reach.address,
            relay=NO_ADDRESS if reach.server is None else reach.address,
        )


def run(
    whose: Sequence[Who], boot: Callable[[Who], Played], parallel: int, rate: float | None, stop: Event
) -> list[Played]:
    """Boot them all; those that ended.

    :param parallel: how many at once
    :param rate: how many begin in a second at most
    :param stop: set to end before all have
    :raises StartError: this host cannot send what it has to
    """
    pool, played, failures = Pool(parallel), list[Played](), list[Exception]()

    def one(who: Who) -> None:
        try:
            played.append(boot(who))
        except Exception as error:
            failures.append(error)
            stop.set()

    def begin() -> None:
        began = time.monotonic()
        for number, who in enumerate(whose):
            if rate:
                gevent.sleep(max(0.0, began + number / rate - time.monotonic()))
            pool.spawn(one, who)
        pool.join()

    beginning = gevent.spawn(begin)
    either: list[Any] = [beginning, stop]
    gevent.wait(either, count=1)
    gevent.killall([beginning])
    pool.kill()
    if failures:
        raise failures[0]
    return played


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of many boots.

    :param seconds: that all of them took together
    """

    played: Sequence[Played]
    seconds: float

    def outcomes(self) -> Counter[Outcome]:
        """How many came to which end."""
        return Counter(one.end.outcome for one in self.played)

    def reasons(self) -> Counter[str]:
        """Why those ended that did not boot."""
        return Counter(one.end.reason for one in self.played if one.end.outcome is not Outcome.BOOTED)

    def times(self) -> dict[str, tuple[float, float, float]]:
        """For each stage that machines came to: median, 90th percentile and worst, in seconds since their start."""
        found = {}
        for name, stages in STAGES.items():
            firsts = (
                next((one.reached[stage] for stage in stages if stage in one.reached), None) for one in self.played
            )
            if times := sorted(first for first in firsts if first is not None):
                found[name] = (times[len(times) // 2], times[len(times) * 9 // 10], times[-1])
        return found

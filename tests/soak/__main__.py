"""Soaks a server: ``python -m tests.soak [--minutes N]``, after a warm-up of one to three minutes.

Prints what the server takes each minute; ends with 1 where a boot goes wrong, where the server ends, or where it grows:
see growth.py for what that means.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import gevent
from gevent import monkey

monkey.patch_all()  # before the client code, whose urllib must not hold up the upstream in this process

from tests.soak import upstream  # noqa: E402
from tests.soak.growth import Sample, growth  # noqa: E402
from tests.soak.load import Load  # noqa: E402
from tests.soak.soaked import Soaked, serving  # noqa: E402

FILLED = (6000, 6000)
"""Boots and made-up machines: as many of each as later, so that what is remembered of them, 50,000 facts of 10,000
machines, does not change its mixture.
"""
EVERY = 5.0
"""Seconds between two samples."""


def main() -> int:
    """Do what the command line says; the exit status."""
    arguments = argparse.ArgumentParser(prog="make soak")
    arguments.add_argument("--minutes", type=float, default=10, help="for which it is measured")
    arguments.add_argument("--fill", type=int, nargs=2, default=FILLED, help="boots and machines of the warm-up")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="pixiecore-soak-") as folder:
        return soak(Path(folder), options.minutes, *options.fill)


def soak(folder: Path, minutes: float, boots: int, made_up: int) -> int:
    """Soak a server for so long, after so many boots and made-up machines at once."""
    behind = upstream.serve()
    with serving(folder, f"http://127.0.0.1:{behind.server_port}") as soaked:
        load = Load(soaked.ports, soaked.process.pid)
        _say(f"{'minute':>10}" + "".join(f"{name:>15}" for name in soaked.sample()) + "   boots")
        _row("start", soaked.sample(), load.done)
        load.fill(boots, made_up)
        _row("filled", soaked.sample(), load.done)
        load.start()
        before = soaked.kinds()
        samples = list(_sampled(soaked, load, minutes)) if load.failure is None else []
        told = growth(samples)
        if load.failure is not None:
            told.append(f"a boot went wrong: {type(load.failure).__name__}: {load.failure}")
        elif soaked.process.poll() is not None:
            told.append("the server ended")
        else:
            _say(f"objects that are more than at first: {(soaked.kinds() - before).most_common(15)}")
        load.stop()
        _say("done: " + ", ".join(f"{number} {name}" for name, number in sorted(load.done.items())))
        _say("\n".join(told) or "flat")
        if told:
            _say((folder / "log.txt").read_text(errors="replace")[-3000:])
    behind.stop()
    return bool(told)


def _sampled(soaked: Soaked, load: Load, minutes: float) -> Iterator[Sample]:
    began = time.monotonic()
    number, shown = 0, 0
    while load.failure is None and soaked.process.poll() is None and number * EVERY < minutes * 60:
        number += 1
        gevent.sleep(max(0.0, began + number * EVERY - time.monotonic()))
        sample = soaked.sample()
        yield sample
        if number * EVERY // 60 > shown:
            shown += 1
            _row(str(shown), sample, load.done)


def _row(what: str, sample: Sample, done: Counter[str]) -> None:
    _say(f"{what:>10}" + "".join(f"{value:>15.1f}" for value in sample.values()) + f"{done['boot']:>8}")


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

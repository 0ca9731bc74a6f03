"""Fuzzes all targets, or some: ``python -m tests.fuzz [--seconds N] [TARGET…]``; ``TARGET FILE`` runs one input again.

Each target has its share of the time in a process of its own, as many at once as there are processors. Prints how many
inputs each had; ends with 1, and the input, for whatever leaves a parser that is not the error it promises.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import sys
import tempfile
import time
from multiprocessing.connection import wait
from pathlib import Path
from types import ModuleType

from tests.fuzz import interleaving
from tests.fuzz.fuzzing import KEPT, fuzz, import_targets
from tests.fuzz.target import TARGETS

_INPUTS = re.compile(r"inputs: (\d+)")
_INTERLEAVING_SHARES = 4
"""Its inputs are whole rooms of machines."""


def main() -> int:
    """Do what the command line says; the exit status."""
    began = time.monotonic()
    arguments = argparse.ArgumentParser(prog="make fuzz")
    arguments.add_argument("--seconds", type=float, default=60, help="for all together")
    arguments.add_argument("targets", nargs="*", metavar="TARGET")
    options = arguments.parse_args()
    again = len(options.targets) == 2 and Path(options.targets[1]).is_file()
    atheris = import_targets(guided=not again)
    if again:
        TARGETS[options.targets[0]].run(Path(options.targets[1]).read_bytes())
        return 0
    names = options.targets or [interleaving.NAME, *TARGETS]
    if unknown := set(names) - {*TARGETS, interleaving.NAME}:
        arguments.error(f"there is no target {', '.join(unknown)}; there are {', '.join(TARGETS)}, {interleaving.NAME}")
    if atheris is None:
        _say("There is no atheris here: inputs are changed by chance alone.")
    processors = len(os.sched_getaffinity(0))
    shares = {name: _INTERLEAVING_SHARES if name == interleaving.NAME else 1 for name in names}
    share = (options.seconds - (time.monotonic() - began)) * processors / sum(shares.values())
    failed = _fuzz_all([(name, share * shares[name]) for name in names], processors, atheris)
    if failed:
        _say(f"failed: {', '.join(failed)}; again, with an input of {KEPT}/found: python -m tests.fuzz TARGET FILE")
    return bool(failed)


def _fuzz_all(work: list[tuple[str, float]], at_once: int, atheris: ModuleType | None) -> list[str]:
    """Fuzz targets for so many seconds each; the names of those with an input that failed."""
    waiting, running, failed = list(reversed(work)), list[_Child](), []
    while waiting or running:
        while waiting and len(running) < at_once:
            running.append(_Child(*waiting.pop(), atheris))
        wait([child.process.sentinel for child in running])
        for child in [child for child in running if child.process.exitcode is not None]:
            running.remove(child)
            if not child.tell():
                failed.append(child.name)
    return failed


class _Child:
    """One target, in a fork of this process: that has the counters already, which take seconds to put in."""

    def __init__(self, name: str, seconds: float, atheris: ModuleType | None) -> None:
        self.name = name
        self._began = time.monotonic()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has been told
        context = multiprocessing.get_context("fork")
        self.process = context.Process(target=_work, args=(name, seconds, atheris, self._output.fileno()))
        self.process.start()

    def tell(self) -> bool:
        """Say what came of it; whether nothing failed."""
        with self._output as output:
            output.seek(0)
            told = output.read().decode(errors="replace")
        inputs = _INPUTS.search(told)
        good = self.process.exitcode == 0 and inputs is not None
        took = time.monotonic() - self._began
        number = int(inputs[1]) if inputs else 0
        _say(f"{self.name:20} {number:>10,} inputs in {took:4.1f} s{'' if good else '   FAILED'}")
        if not good:
            _say(told[-8000:])
        return good


def _work(name: str, seconds: float, atheris: ModuleType | None, output: int) -> None:
    os.dup2(output, 1)
    os.dup2(output, 2)
    if name == interleaving.NAME:
        interleaving.run(seconds)
    else:
        fuzz(name, seconds, atheris)


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

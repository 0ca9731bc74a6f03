"""Looks for inputs that fail, guided by what they reach: one target, until its time is over.

atheris counts which lines of ours each input reaches and keeps those that reach new ones, in ``.cache/fuzz``, for the
next time. Where there is no atheris for a system, chance alone decides, as among the fast tests.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType

from tests.fuzz.mutating import mutated
from tests.fuzz.target import TARGETS, Target

FAMILIES = ("datagrams", "texts", "requests", "documents")
KEPT = Path(__file__).parents[2] / ".cache/fuzz"
_OURS = [f"pixiecore_{name}" for name in ("core", "api_booter", "inventory_booter", "allowlist", "static_booter")]
_LONGEST = 4096
"""Bytes of an input."""
_SLOWEST = 10
"""Seconds for one input."""


def import_targets(guided: bool) -> ModuleType | None:
    """Import every family; with counters in our code, where *guided*: then atheris is returned, if there is one."""
    try:
        atheris = importlib.import_module("atheris") if guided else None
    except ImportError:
        atheris = None
    with _counting(atheris):
        for family in FAMILIES:
            importlib.import_module(f"tests.fuzz.{family}")
    return atheris


@contextlib.contextmanager
def _counting(atheris: ModuleType | None) -> Iterator[None]:
    if atheris is None:
        yield
        return
    # It tells of each module that it changes.
    with contextlib.redirect_stderr(io.StringIO()), atheris.instrument_imports(include=_OURS):
        yield


def fuzz(name: str, seconds: float, atheris: ModuleType | None) -> None:
    """Fuzz one target; ends the process, with an error where an input fails, or slower than a machine would wait."""
    target = TARGETS[name]
    if atheris is None:
        _by_chance(target, seconds)
    else:
        _guided(target, seconds, atheris)


def folder(kind: str, name: str) -> Path:
    """Where a target's inputs are: ``corpus``, or ``found`` for those that it fails on."""
    made = KEPT / kind / name
    made.mkdir(parents=True, exist_ok=True)
    return made


def _guided(target: Target, seconds: float, atheris: ModuleType) -> None:
    corpus, found = folder("corpus", target.name), folder("found", target.name)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={max(1, round(seconds))}", f"-max_len={_LONGEST}", f"-timeout={_SLOWEST}"]
    options += [f"-artifact_prefix={found}/", "-verbosity=0", "-print_final_stats=1", "-rss_limit_mb=1024"]
    if target.words:
        words = KEPT / f"{target.name}.words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
        options.append(f"-dict={words}")
    atheris.Setup([sys.argv[0], *options, str(corpus)], target.run)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def _by_chance(target: Target, seconds: float) -> None:
    until, random, number = time.monotonic() + seconds, Random(), 0
    while time.monotonic() < until:
        number += 1
        data = mutated(random, target.seeds, target.words)
        try:
            target.run(data)
        except BaseException:
            (folder("found", target.name) / f"crash-{number}").write_bytes(data)
            raise
    sys.stderr.write(f"number_of_executed_units: {number}\n")

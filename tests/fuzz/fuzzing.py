"""Looks for inputs that fail, guided by what they reach: one target, until its time is over.

atheris counts which lines of ours each input reaches and keeps those that reach new ones, in ``.cache/fuzz``, for the
next time. Where there is no atheris for a system, chance alone decides, as among the fast tests.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType

from tests.fuzz.mutating import mutated
from tests.fuzz.target import TARGETS, Run, Target

FAMILIES = ("datagrams", "captures", "texts", "requests", "documents")
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
    fed = Fed(TARGETS[name].run, seconds)
    if atheris is None:
        _by_chance(TARGETS[name], fed)
    else:
        _guided(TARGETS[name], fed, atheris)


class Fed:
    """A target's function, that ends the process when its time is over: libFuzzer counts whole seconds."""

    def __init__(self, run: Run, seconds: float) -> None:
        self._run = run
        self._until = time.monotonic() + seconds
        self._count = 0

    def __call__(self, data: bytes) -> None:
        """Feed the target."""
        if time.monotonic() > self._until:
            tell(self._count)
            os._exit(0)
        self._count += 1
        self._run(data)


def tell(inputs: int) -> None:
    """Say how many inputs there were, to whoever started us."""
    sys.stderr.write(f"inputs: {inputs}\n")
    sys.stderr.flush()


def folder(kind: str, name: str) -> Path:
    """Where a target's inputs are: ``corpus``, or ``found`` for those that it fails on."""
    made = KEPT / kind / name
    made.mkdir(parents=True, exist_ok=True)
    return made


def _guided(target: Target, fed: Fed, atheris: ModuleType) -> None:
    corpus, found = folder("corpus", target.name), folder("found", target.name)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-max_len={_LONGEST}", f"-timeout={_SLOWEST}", "-rss_limit_mb=1024"]
    options += [f"-artifact_prefix={found}/", "-verbosity=0"]
    if target.words:
        words = KEPT / f"{target.name}.words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
        options.append(f"-dict={words}")
    atheris.Setup([sys.argv[0], *options, str(corpus)], fed)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def _by_chance(target: Target, fed: Fed) -> None:
    random = Random()
    while True:
        data = mutated(random, target.seeds, target.words)
        try:
            fed(data)
        except Exception:
            (folder("found", target.name) / f"crash-{random.randbytes(8).hex()}").write_bytes(data)
            raise

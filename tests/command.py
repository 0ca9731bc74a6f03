"""The command line in the test's own process, through click's runner: messages and exit status as a user sees them.

A process of its own costs the start of Python, most of a second; tests/processes.py has those, for what only a process
shows: servers, signals, the monkey patch, how Python ends. A command that serves must not be run here.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gevent
import pytest
from click.testing import CliRunner

from pixiecore_core.cli.main import run
from pixiecore_core.hosting import privileges


@dataclass(frozen=True)
class Done:
    """What a command came to, by the names that :class:`subprocess.CompletedProcess` has for it."""

    returncode: int
    stdout: str
    stderr: str


def pixiecore(*arguments: str, **environment: str) -> Done:
    """Run ``pixiecore`` with these *arguments*; plugins in the folders of ``PYTHONPATH`` are installed for it."""
    with CliRunner().isolation(env=environment) as (output, errors, _), plugins_importable(), _hub_restored():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["pixiecore", *arguments])
            # There is no way back from it, and this process has other tests to run.
            patch.setattr(privileges, "get_no_new_privileges", lambda: None)
            status = run(sys.argv[1:])
        sys.stdout.flush()
        sys.stderr.flush()
        return Done(status, output.getvalue().decode(), errors.getvalue().decode())


def failure(done: Done, status: int) -> str:
    """The message of a command that ended with this *status*."""
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@contextmanager
def plugins_importable() -> Iterator[None]:
    """While inside, what lies in the folders of ``PYTHONPATH`` is found, as by a Python that starts with it."""
    folders = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder not in ("", *sys.path)]
    before = set(sys.modules)
    sys.path[:0] = folders
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for folder in folders:
            sys.path.remove(folder)
        for name in sys.modules.keys() - before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if any(Path(file).is_relative_to(folder) for folder in folders):
                del sys.modules[name]
        importlib.invalidate_caches()


@contextmanager
def _hub_restored() -> Iterator[None]:
    """A server that was about to start has set gevent's hub to outlive what plugins do; in tests it must tell."""
    hub = vars(gevent.get_hub())
    before = dict(hub)
    try:
        yield
    finally:
        hub.clear()
        hub.update(before)

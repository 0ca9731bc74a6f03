"""Starts the servers that are measured, each a process of its own, and ends them whatever happens.

A network namespace here has no name: it lives as long as a process in it, so there is nothing to clean up.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_ENTERED = "PIXIECORE_BENCHMARK_NAMESPACE"


def enter_namespace(module: str) -> None:
    """Begin ``python -m module`` again, in an empty network of its own, unless it runs in one already."""
    if os.environ.get(_ENTERED) == module:
        return
    os.environ[_ENTERED] = module
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    os.execvp("unshare", [*unshare, sys.executable, "-m", module, *sys.argv[1:]])


def program(name: str, package: str) -> str:
    """The path of a peer.

    :raises SystemExit: it is not installed
    """
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        raise SystemExit(f"{name} is not installed: apt-get install {package}")
    return found


@contextlib.contextmanager
def running(command: Sequence[str | Path], log: Path, ready: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server that has said *ready* in its *log*, to which its output goes.

    :raises SystemExit: it ended, or did not say so in ten seconds
    """
    with log.open("wb") as output:
        # setpriv: should we be killed with no chance to clean up, the kernel ends the server.
        guarded = ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)]
        process = subprocess.Popen(guarded, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        give_up = time.monotonic() + 10
        while ready not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > give_up:
                raise SystemExit(f"{command[0]} did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()


def pixiecore(*arguments: str | Path) -> list[str]:
    """The command line of our server, ``pixiecore boot`` with *arguments*."""
    return [sys.executable, "-m", "pixiecore_core", "boot", *map(str, arguments)]


def pin(process: int, place: int) -> None:
    """Keep a process on one processor: whether the scheduler puts both ends on the same one would decide all."""
    processors = sorted(os.sched_getaffinity(os.getpid()))
    os.sched_setaffinity(process, {processors[place % len(processors)]})


def measured(module: str, *arguments: object, prefix: Sequence[str] = (), timeout: float = 60) -> dict[str, float]:
    """The JSON that a load client prints, run as ``python -m module`` on the second processor.

    :param prefix: a command that runs it elsewhere, such as in another namespace
    :raises SystemExit: it failed
    """
    command = [*prefix, sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        pin(process.pid, 1)
        output, errors = process.communicate(timeout=timeout)
    if process.returncode:
        raise SystemExit(f"the load client failed: {errors}")
    return json.loads(output)  # type: ignore[no-any-return]

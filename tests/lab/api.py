"""API mode in the lab: the example API server as a process beside Pixiecore, which is told what each machine boots.

Both run on the host 192.0.2.2 and talk over its loopback.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .network import Network, Process
from .packages import CACHE, REPOSITORY
from .payload import payload
from .server import PIXIECORE, Errand

_EXAMPLE = REPOSITORY / "docs" / "examples" / "api_server.py"
_PORT = "8080"
# Runs the example, each of whose answers takes as many seconds as the first argument says.
_SLOW = """
import runpy, sys, time
seconds, sys.argv = float(sys.argv[1]), sys.argv[2:]
example = runpy.run_path(sys.argv[0])
answer = example["Handler"].do_GET
example["Handler"].do_GET = lambda handler: (time.sleep(seconds), answer(handler))
example["main"]()
"""


def answer(errand: Errand, architecture: str = "x86_64") -> dict[str, Any]:
    """What the API says about a machine that should run this errand."""
    parts = payload(architecture)
    return {"kernel": parts.kernel.as_uri(), "initrd": [parts.initrd.as_uri()], "cmdline": errand.api_cmdline}


def start_api(network: Network, folder: Path, machines: dict[str, dict[str, Any]], seconds: float = 0) -> Process:
    """Start an API server that knows these machines by MAC address, and wait until it answers.

    `seconds` is how long each answer takes.
    """
    file = folder / "machines.json"
    file.write_text(json.dumps(machines, indent=1))
    argv = [sys.executable, "-c", _SLOW, str(seconds), _EXAMPLE, "--port", _PORT, file]
    log = folder / f"api-{len(list(folder.glob('api-*.log')))}.log"
    process = network.run_in(network.srv, argv, log)
    process.wait_for("Serving", timeout=10)
    return process


def start_server(network: Network, folder: Path, *options: str) -> Process:
    """Start Pixiecore in API mode, and wait until it is ready."""
    argv = [PIXIECORE, "api", f"http://127.0.0.1:{_PORT}", f"--file-root={CACHE}", f"--file-root={folder}", *options]
    argv.append(f"--history={folder / 'history.sqlite'}")
    process = network.run_in(network.srv, argv, folder / "server.log")
    process.wait_for("Ready", timeout=15)
    return process

"""The lab's wire: three network namespaces on one bridge, and the processes that run in them.

net holds the bridge and the tap that QEMU opens; dhcp (192.0.2.1) the neighbour; srv (192.0.2.2) Pixiecore. Nothing
touches the host's own network. Leaving the context ends every process and removes every namespace, SIGTERM included;
what a killed run left behind, the next run removes: the names carry the number of the process that made them.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

NEIGHBOUR_ADDRESS = "192.0.2.1"
SERVER_ADDRESS = "192.0.2.2"
BRIDGE, TAP, LINK = "br0", "tap0", "eth0"

# No spanning tree: firmware would spend its patience on ports that are still learning.
_BRIDGE_OPTIONS = ("forward_delay", "0", "stp_state", "0", "mcast_snooping", "0")
_serial_numbers = itertools.count(1)


class Process:
    """A program in a namespace, in a process group of its own, writing to a log file."""

    def __init__(self, namespace: str, argv: Sequence[str | Path], log: Path) -> None:
        self.log = log
        # setpriv: should we be killed with no chance to clean up, the kernel ends our children.
        inside = ["ip", "netns", "exec", namespace, "setpriv", "--pdeathsig", "KILL", "--", *argv]
        with log.open("wb") as output:
            self._child = subprocess.Popen(
                inside, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def ended(self) -> bool:
        return self._child.poll() is not None

    def resident_kilobytes(self) -> int:
        """What it takes of memory now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s*(\d+)", status)[0])

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, words: str, timeout: float) -> None:
        """Return when `words` are in the log; TimeoutError, with the log so far, when they do not come."""
        give_up = time.monotonic() + timeout
        while words not in self.text():
            if self.ended or time.monotonic() > give_up:
                state = f"ended with status {self._child.returncode}" if self.ended else f"silent for {timeout} s"
                raise TimeoutError(f"{state} without saying {words!r}:\n{self.text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the group: politely, and after five seconds by force."""
        if self.ended:
            return  # its number may be another's by now
        for request in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, request)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=5)
                return


class Network:
    """A context manager; `run_in` starts programs in the namespaces `net`, `dhcp` and `srv`."""

    def __init__(self) -> None:
        prefix = f"pxlab-{os.getpid()}-{next(_serial_numbers)}"
        self.net, self.dhcp, self.srv = (f"{prefix}-{role}" for role in ("net", "dhcp", "srv"))
        self._processes: list[Process] = []
        self._hosts: list[str] = []
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        remove_leftovers()
        with contextlib.ExitStack() as undo:  # for a failure halfway
            undo.enter_context(_sigterm_unwinds())
            undo.callback(self._remove)
            self._build()
            self._cleanup = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def run_in(self, namespace: str, argv: Sequence[str | Path], log: Path) -> Process:
        process = Process(namespace, argv, log)
        self._processes.append(process)
        return process

    def add_host(self, role: str, address: str) -> str:
        """One more host on the bridge; its namespace."""
        namespace = f"{self.net.removesuffix('-net')}-{role}"
        _ip("netns", "add", namespace)
        self._hosts.append(namespace)
        self._plug(namespace, f"{role}0", f"{address}/24")
        return namespace

    def _build(self) -> None:
        for namespace in (self.net, self.dhcp, self.srv):
            _ip("netns", "add", namespace)
            _ip("-n", namespace, "link", "set", "lo", "up")
        _ip("-n", self.net, "link", "add", BRIDGE, "type", "bridge")
        _ip("-n", self.net, "link", "set", BRIDGE, "type", "bridge", *_BRIDGE_OPTIONS)
        _ip("-n", self.net, "link", "set", BRIDGE, "up")
        _ip("-n", self.net, "tuntap", "add", TAP, "mode", "tap")
        _ip("-n", self.net, "link", "set", TAP, "master", BRIDGE, "up")
        self._plug(self.dhcp, "dhcp0", f"{NEIGHBOUR_ADDRESS}/24", "2001:db8:77::1/64")
        self._plug(self.srv, "srv0", f"{SERVER_ADDRESS}/24")

    def _plug(self, namespace: str, port: str, *addresses: str) -> None:
        _ip("-n", self.net, "link", "add", port, "type", "veth", "peer", "name", LINK, "netns", namespace)
        _ip("-n", self.net, "link", "set", port, "master", BRIDGE, "up")
        for address in addresses:
            nodad = ["nodad"] if ":" in address else []
            _ip("-n", namespace, "address", "add", address, "dev", LINK, *nodad)
        # Whole checksums: udhcpc verifies them, and captures are clean.
        run("ip", "netns", "exec", namespace, "ethtool", "-K", LINK, "tx", "off")
        _ip("-n", namespace, "link", "set", LINK, "up")

    def _remove(self) -> None:
        for process in reversed(self._processes):
            process.stop()
        for namespace in (self.net, self.dhcp, self.srv, *self._hosts):
            _ip("netns", "delete", namespace, check=False)


def remove_leftovers() -> None:
    """Remove the namespaces of labs whose process is gone."""
    for namespace in re.findall(r"^pxlab-\d+-\S+", _ip("netns", "list"), re.MULTILINE):
        if not Path("/proc", namespace.split("-")[1]).exists():
            _ip("netns", "delete", namespace, check=False)


@contextlib.contextmanager
def _sigterm_unwinds() -> Iterator[None]:
    """Turn SIGTERM into SystemExit, so that the with-blocks around us get to clean up."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _ip(*arguments: str, check: bool = True) -> str:
    return run("ip", *arguments, check=check)


def run(*argv: str, check: bool = True) -> str:
    """What a program says that comes to its end.

    :raises RuntimeError: it failed, and was not to
    """
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout

"""What a simulated machine does next, what comes of it, and how its boot ends. Values only.

A boot is a generator of steps. Whoever drives it does each (asks, fetches, waits) and sends back what came of it; for
:class:`Tell` and :class:`Pause` that is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Any, TypeVar

from pixiecore_core.wire.dhcp4 import Dhcp4Message

T = TypeVar("T")


class Stage(StrEnum):
    """Where in its boot a machine is; also what ``--vanish`` takes."""

    OFFER = "offer"
    """The firmware asks by DHCP."""
    BOOT_SERVER = "boot-server"
    """It asks the boot server on port 4011."""
    LOADER = "loader"
    """It fetches its first file."""
    SCRIPT_OFFER = "script-offer"
    """iPXE asks by DHCP."""
    SCRIPT = "script"
    """A script, or U-Boot's configuration."""
    KERNEL = "kernel"
    INITRD = "initrd"
    """Initrds, and a device tree."""
    REPORT = "report"
    """What a script fetches beside these: it tells the server how far the machine is."""


class Outcome(StrEnum):
    """How a boot ends."""

    BOOTED = "booted"
    LOCAL = "local"
    """It goes on to its disk, or to the next entry in its firmware's boot order."""
    NO_OFFER = "no-offer"
    """Nobody offered it anything that it takes."""
    LOADER = "loader"
    """It started a program that is not imitated, such as shim, GRUB or PXELINUX."""
    HELD = "held"
    """The server had it wait for longer than the simulation does."""
    STOPPED = "stopped"
    """It waits for somebody at its keyboard, was switched off, or starts anew."""
    FAILED = "failed"
    VANISHED = "vanished"
    """``--vanish``: it was switched off on its way."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A DHCP message that came in."""

    message: Dhcp4Message
    source: str
    """The address that it came from."""
    seconds: float = 0.0
    """After it was asked for."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a DHCP message and collect the answers; gives ``tuple[Answer, …]``.

    :param to: a boot server, on its port 4011; ``None`` for everyone, on port 67
    :param window: how many seconds the firmware listens
    :param enough: whether it needs no more answers than these
    """

    stage: Stage
    message: Dhcp4Message
    window: float
    enough: Callable[[Sequence[Answer]], bool]
    to: IPv4Address | None = None


@dataclass(frozen=True, slots=True)
class FetchTftp:
    """Fetch by TFTP; gives :class:`Fetched`.

    :param options: of the request, in the firmware's order
    :param probe: ask for the size only, and break off (EDK2 and PXE ROMs, which then ask again)
    """

    stage: Stage
    server: str
    name: str
    options: tuple[tuple[str, str], ...] = ()
    probe: bool = False
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class FetchHttp:
    """Fetch by HTTP; gives :class:`Fetched`."""

    stage: Stage
    url: str
    agent: str
    method: str = "GET"
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of fetching."""

    size: int = 0
    """Bytes."""
    sha256: str = ""
    head: bytes = b""
    """The first bytes, so many as the driver keeps: all of a script, and what tells what a program is."""
    problem: str = ""
    """Why it is not here; empty for success."""
    cause: str = ""
    """The problem as one word: ``refused``, ``silent``, ``not-found`` (HTTP), ``missing`` (TFTP), ``forbidden`` or
    ``broken``."""
    status: int = 0
    """Of HTTP."""
    retry_after: int | None = None
    """Seconds, as a 503 says them."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait.

    :param why: what for
    """

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Tell:
    """A line for the timeline."""

    text: str


Step = Ask | FetchTftp | FetchHttp | Pause | Tell
Play = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True)
class Image:
    """A file that a machine has fetched."""

    name: str
    size: int
    sha256: str
    head: bytes


@dataclass(frozen=True, slots=True)
class End:
    """How a boot ended.

    :param reason: a sentence
    :param cmdline: the kernel's
    :param script: the last script that ran, or U-Boot's configuration
    """

    outcome: Outcome
    reason: str
    kernel: Image | None = None
    initrds: tuple[Image, ...] = ()
    cmdline: str = ""
    script: str = ""


def ask(step: Ask) -> Play[tuple[Answer, ...]]:
    """Ask; the answers."""
    answers: tuple[Answer, ...] = yield step
    return answers


def fetch(step: FetchTftp | FetchHttp) -> Play[Fetched]:
    """Fetch; what came of it."""
    fetched: Fetched = yield step
    return fetched


def play(boot: Play[T], perform: Callable[[Step], object]) -> T:
    """Drive a boot to its end.

    :param perform: does a step, and returns what came of it
    """
    result: object = None
    while True:
        try:
            step = boot.send(result)
        except StopIteration as stop:
            ended: T = stop.value
            return ended
        result = perform(step)

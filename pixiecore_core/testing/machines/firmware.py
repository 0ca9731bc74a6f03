"""What firmware does before any script runs: asks by DHCP, asks the boot server, fetches its first file. Opens nothing.

After PXE 2.1, and EDK2's PxeBcDhcp4.c, PxeBcBoot.c and HttpBootClient.c. What it takes is decided in ``offers``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from pixiecore_core.boot.paths import names_a_boot
from pixiecore_core.errors import WireError
from pixiecore_core.testing.machines.offers import Choice, Offer, for_http_boot, for_pxe, read
from pixiecore_core.testing.machines.packets import Who, boot_server_request, discover
from pixiecore_core.testing.machines.rows import Row, Way
from pixiecore_core.testing.machines.steps import (
    Answer,
    Ask,
    End,
    Fetched,
    FetchHttp,
    FetchTftp,
    Image,
    Outcome,
    Play,
    Stage,
    Tell,
    ask,
    fetch,
)
from pixiecore_core.wire import pe
from pixiecore_core.wire.dhcp4 import NO_ADDRESS

_BOOT_SERVER_WINDOWS = (1.0, 2.0, 3.0, 4.0)
"""Seconds after each request on port 4011 (PxeBcDhcp4.c, PxeBcRetryBinlOffer)."""
_OTHERS = re.compile(r"shim|grub|pxelinux|syslinux|bootmgfw|bootx64|bootaa64|wdsnbp|systemd-boot", re.IGNORECASE)
"""Names of programs that are not iPXE, and not imitated."""
_LINUX, _CMDLINE = ".linux", ".cmdline"
"""Sections of a unified kernel image (UAPI's specification)."""

Choose = Callable[[Sequence[Offer]], Choice | None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The first file, which is taken for iPXE.

    :param url: where it came from
    """

    url: str


def chosen(row: Row, who: Who, choose: Choose, strict: bool, alone: bool) -> Play[Choice | None]:
    """Ask by DHCP in the firmware's rhythm until there is something that it takes.

    :param choose: what it takes of the offers
    :param strict: whether it goes without where real firmware would
    :param alone: whether no DHCP server is there to be heard, so that nothing is said of it
    """
    answers: list[Answer] = []

    def found(some: Sequence[Answer]) -> Choice | None:
        choice = choose(read(some))
        return None if choice is not None and strict and choice.without_lease and not alone else choice

    def enough(new: Sequence[Answer]) -> bool:
        return found([*answers, *new]) is not None

    for secs, window in zip(row.secs, row.windows, strict=True):
        answers.extend((yield from ask(Ask(Stage.OFFER, discover(row, who, secs), window, enough))))
        choice = found(answers)
        if choice is not None:
            if choice.without_lease and not alone:
                yield Tell("no DHCP server offers an address: real firmware would stop here (--strict)")
            return choice
    return None


def first_file(row: Row, who: Who, strict: bool, alone: bool) -> Play[Loaded | End]:
    """Come to the first file: by PXE or by HTTP Boot."""
    by_http = row.way is Way.HTTP_BOOT
    choice = yield from chosen(row, who, for_http_boot if by_http else for_pxe, strict, alone)
    if choice is None:
        return End(Outcome.NO_OFFER, "nobody offers its firmware anything that it takes")
    if by_http:
        return (yield from _by_http(row, choice.offer.name))
    offer, name = choice.offer, choice.offer.name
    if choice.ask:
        answer = yield from _ask_boot_servers(row, who, choice)
        if answer is None:
            asked = ", ".join(str(_boot_server(one)[0]) for one in choice.ask)
            return End(Outcome.FAILED, f"no boot server answers on port 4011 of {asked} (PXE-E16, PXE-E55)")
        offer, name = answer, answer.name
    return (yield from _by_tftp(row, offer.fetches_from, name))


def _boot_server(offer: Offer) -> tuple[IPv4Address, bytes]:
    """Whom to ask on port 4011, and for which boot item: the first of a list, or whoever made the offer."""
    listed = offer.listed_server
    if listed is not None:
        address, kind = listed
        return address, kind + b"\0\0"
    return offer.server_id if offer.server_id != NO_ADDRESS else offer.fetches_from, b""


def _ask_boot_servers(row: Row, who: Who, choice: Choice) -> Play[Offer | None]:
    for offer in choice.ask:
        server, item = _boot_server(offer)
        message = boot_server_request(row.options, row.boot_server, who, item)
        for window in _BOOT_SERVER_WINDOWS:
            step = Ask(Stage.BOOT_SERVER, message, window, lambda new: any(one.name for one in read(new)), server)
            for answer in read((yield from ask(step))):
                if answer.name:
                    return answer
    return None


def _by_tftp(row: Row, server: IPv4Address, name: str) -> Play[Loaded | End]:
    step = FetchTftp(Stage.LOADER, str(server), name, row.tftp)
    if row.probes:
        first = FetchTftp(step.stage, step.server, name, row.tftp, probe=True)
        fetched = yield from fetch(first)
        if fetched.problem:
            return End(Outcome.FAILED, f"its firmware cannot fetch {name}: {fetched.problem}")
    fetched = yield from fetch(step)
    return started(f"tftp://{server}/{name.lstrip('/')}", fetched)


def _by_http(row: Row, url: str) -> Play[Loaded | End]:
    """First its size, then the file (HttpBootClient.c)."""
    for method in ("HEAD", "GET"):
        fetched = yield from fetch(FetchHttp(Stage.LOADER, url, row.agent, method))
        if fetched.problem:
            return End(Outcome.FAILED, f"its firmware cannot fetch {url}: {fetched.problem}")
    return started(url, fetched)


def started(url: str, fetched: Fetched) -> Loaded | End:
    """What the first file is: the kernel itself, a program that is not imitated, or else iPXE.

    :param url: where it came from
    """
    if fetched.problem:
        return End(Outcome.FAILED, f"its firmware cannot fetch {url}: {fetched.problem}")
    path = url.split("://", 1)[-1].partition("/")[2]
    name = path.rsplit("/", 1)[-1]
    image = Image(name, fetched.size, fetched.sha256, fetched.head)
    sections = _sections(fetched.head)
    if _LINUX in sections:
        cmdline = sections[_CMDLINE].rstrip(b"\0\n").decode("utf-8", "replace") if _CMDLINE in sections else ""
        return End(Outcome.BOOTED, "its firmware starts a unified kernel image", image, cmdline=cmdline)
    if names_a_boot(path.removeprefix("_/loader/")):
        return End(Outcome.BOOTED, "its firmware starts this EFI program", image)
    if _OTHERS.search(name):
        return End(Outcome.LOADER, f"its firmware starts {name}, which is not imitated", image)
    return Loaded(url)


def _sections(head: bytes) -> dict[str, bytes]:
    """The sections of an EFI program, with so much of each as there is; none of anything else."""
    try:
        program = pe.parse(head[: pe.HEADER_BYTES])
    except WireError:
        return {}
    return {one.name: head[one.position : one.position + one.virtual_size] for one in program.sections}

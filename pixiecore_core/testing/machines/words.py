"""The sentences of a simulated machine's timeline, from a step and what came of it. Decides nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pixiecore_core.testing.machines.offers import Offer, read
from pixiecore_core.testing.machines.steps import (
    Answer,
    Ask,
    Fetched,
    FetchHttp,
    FetchTftp,
    Pause,
    Step,
    Tell,
)
from pixiecore_core.wire.dhcp4 import NO_ADDRESS

_MOST = 300
"""Characters in a line: what a server says is cut there."""
_TOKEN = re.compile(r"([A-Za-z0-9_-]{6})[A-Za-z0-9_-]{60,}")
"""Sealed names in URLs: long, and nobody's business in a bug report."""


Timed = tuple[float, str]
"""A sentence, and how many seconds after the step's start what it says happened."""


def sentences(step: Step, result: object, took: float) -> Iterator[Timed]:
    """What was sent, and what came.

    :param took: seconds that the step took
    """
    for at, line in _sentences(step, result, took):
        shown = "".join(letter if letter.isprintable() else "?" for letter in _TOKEN.sub(r"\1…", line))
        yield at, shown if len(shown) <= _MOST else f"{shown[:_MOST]}…"


def _sentences(step: Step, result: object, took: float) -> Iterator[Timed]:
    match step:
        case Ask():
            assert isinstance(result, tuple)
            yield from _asked(step, result, took)
        case FetchTftp():
            assert isinstance(result, Fetched)
            yield took, f"TFTP: {step.name} from {step.server}: {_fetched(result, step.probe)}"
        case FetchHttp():
            assert isinstance(result, Fetched)
            yield took, f"HTTP: {step.method} {step.url}: {_fetched(result, step.method == 'HEAD')}"
        case Pause(seconds, why):
            yield 0.0, f"waits {seconds:g} s: {why}"
        case Tell(text):
            yield 0.0, text


def _asked(step: Ask, answers: tuple[Answer, ...], took: float) -> Iterator[Timed]:
    to = f"the boot server {step.to}, port 4011" if step.to is not None else "by DHCP"
    yield 0.0, f"asks {to} (secs {step.message.secs})"
    offers = read(answers)
    for offer in offers:
        yield offer.seconds, f"{offer.source} answers after {offer.seconds * 1000:.0f} ms: {_offered(offer)}"
    if not offers:
        yield took, f"nobody answers within {step.window:g} s"


def _offered(offer: Offer) -> str:
    parts = [f"address {offer.address}, which it does not take" if offer.leases else "no address (a proxy)"]
    if offer.name:
        parts.append(f"boot file {offer.file or offer.boot_file}")
    if offer.server != NO_ADDRESS:
        parts.append(f"from {offer.server}")
    if offer.vendor_class:
        parts.append(f"class {offer.vendor_class.decode('latin-1')}")
    return ", ".join(parts)


def _fetched(fetched: Fetched, only_size: bool) -> str:
    if fetched.problem:
        return fetched.problem
    return f"{fetched.size} bytes" + (", the size only" if only_size else "")

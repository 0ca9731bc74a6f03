"""What is to be said of machines that started their kernel, and of what is odd in any boot: the rules. Pure."""

from __future__ import annotations

from dataclasses import replace

from pixiecore_core.engine.attempts import Outcome
from pixiecore_core.engine.case import Case, Cause, Diagnosis
from pixiecore_core.engine.diagnoses.common import (
    diagnosis,
    span,
)
from pixiecore_core.models import Client
from pixiecore_core.models.facts import (
    AddressAsked,
    Booting,
    Fact,
    LoaderSent,
    Noticed,
    Offered,
    ScriptOffered,
    ScriptSent,
    StepFailed,
)

LIFE_SECONDS = 60.0
"""How long a kernel may take until its system is heard of: its initial RAM disk asks for an address within seconds."""
CAME_BACK_SECONDS = 600.0
"""A machine that asks to be booted so soon after its kernel has started has not stayed up."""
LOST_SECONDS = 30.0
"""Time before the request that led on that is worth a word: firmware waits for offers 4 s."""


def came_back(case: Case) -> Diagnosis | None:
    """It started its kernel, and soon asked again."""
    started = next((fact for fact in reversed(case.before) if isinstance(fact, Booting)), None)
    if started is None or not case.facts or any(fact.at > started.at for fact in case.before if _is_life(fact)):
        return None
    if any(isinstance(fact, StepFailed) for fact in case.before[case.before.index(started) :]):
        return None  # it did not start it after all
    after = case.facts[0].at - started.at
    if not 0 <= after < CAME_BACK_SECONDS:
        return None
    return diagnosis(
        Cause.CAME_BACK,
        f"It started its kernel, was not heard of, and asked to be booted again {after:.0f} s later",
    )


def _is_life(fact: Fact) -> bool:
    return fact.kind in ("reported", "logged") or (isinstance(fact, AddressAsked) and fact.client == "its system")


def silent_afterwards(case: Case) -> Diagnosis | None:
    """It started its kernel, and nothing was heard of its system."""
    started = case.last(Booting)
    if started is None or case.outcome is not Outcome.BOOTING or case.now - started.at < LIFE_SECONDS:
        return None
    return diagnosis(
        Cause.SILENT_AFTERWARDS,
        f"It has everything and started its kernel {span(case.now - started.at)} ago; its system has not been heard "
        "of: no request for an address, no report",
    )


def odd_range(case: Case) -> Diagnosis | None:
    """Its iPXE is a broken build."""
    last = next((fact for fact in reversed(case.of(Noticed)) if fact.what == "odd-range"), None)
    return diagnosis(Cause.ODD_RANGE, f"It {last.text}") if last is not None else None


def without_http(case: Case) -> Diagnosis | None:
    """Its card has an iPXE without HTTP."""
    if not any(offer.without_http for offer in case.of(Offered)):
        return None
    return diagnosis(Cause.WITHOUT_HTTP, "The iPXE in its card cannot fetch over HTTP")


def time_lost(case: Case) -> Diagnosis | None:
    """Other entries of the boot order had their turn first."""
    offers = [fact for fact in case.facts if isinstance(fact, (Offered, ScriptOffered))]
    taken = next((fact for fact in case.facts if isinstance(fact, (LoaderSent, ScriptSent, Booting))), None)
    if taken is None or not offers:
        return None
    led_on = next((offer for offer in reversed(offers) if offer.at <= taken.at), None)
    if led_on is None or led_on.at - case.facts[0].at < LOST_SECONDS or led_on.client is Client.IPXE:
        return None
    first = next((offer for offer in offers if offer.client is not led_on.client and offer.at < led_on.at), None)
    if first is None:
        return None
    lost = led_on.at - case.facts[0].at
    says = f"Its firmware tried {first.client} for {span(lost)} before {led_on.client} booted it"
    found = diagnosis(Cause.TIME_LOST, says)
    return replace(found, mend=tuple(line.replace("{order}", str(led_on.client)) for line in found.mend))

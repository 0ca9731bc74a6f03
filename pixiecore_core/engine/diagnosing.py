"""Why a machine has not booted: one small rule for each cause, asked in the order of a boot.

Pure: facts and the time in, diagnoses out. The server asks with what it has seen, and ``pixiecore explain FILE`` with
what a capture holds. What to do about a cause is in :mod:`pixiecore_core.engine.mends`.
"""

from __future__ import annotations

from collections.abc import Callable

from pixiecore_core.engine.attempts import Outcome
from pixiecore_core.engine.case import Case, Cause, Diagnosis
from pixiecore_core.engine.mends import MENDS
from pixiecore_core.engine.neighbour_mends import MENDS as NEIGHBOUR_MENDS
from pixiecore_core.engine.neighbour_mends import Problem
from pixiecore_core.engine.words import doing
from pixiecore_core.firmware.ipxe_errors import ipxe_error
from pixiecore_core.models import Client
from pixiecore_core.models.facts import (
    AddressAsked,
    Booting,
    Fact,
    Failed,
    FileSent,
    Held,
    Ignored,
    InitrdSent,
    KernelSent,
    LoaderSent,
    Noticed,
    Offered,
    PluginFailed,
    PxeAnswered,
    Refused,
    ScriptOffered,
    ScriptSent,
    SentToDisk,
    StepFailed,
    Unanswered,
)

LIFE_SECONDS = 60.0
"""How long a kernel may take until its system is heard of: its initial RAM disk asks for an address within seconds."""
CAME_BACK_SECONDS = 600.0
"""A machine that asks to be booted so soon after its kernel has started has not stayed up."""
LOST_SECONDS = 30.0
"""Time before the request that led on that is worth a word: firmware waits for offers 4 s."""

_FETCHES = (LoaderSent, ScriptOffered, ScriptSent, SentToDisk, KernelSent, InitrdSent, FileSent, Booting)
"""What only happens after an offer was taken."""
_HAS_DHCP, _HAS_PROXY = 2, 1
"""Bits of the secs that iPXE sends (dhcp.c): it has seen a DHCP server's offer, and a proxy's."""

_SPOILED_BY = {
    Problem.PXE_CLASS: Cause.OPTION_60,
    Problem.OTHER_KEY: Cause.SECOND_PROXY,
    Problem.SECOND_PROXY: Cause.SECOND_PROXY,
    Problem.OTHER_FILE: Cause.SECOND_PROXY,
}
"""What a neighbour does that makes firmware pass over our offer, the likeliest first."""

Rule = Callable[[Case], Diagnosis | None]


def diagnose(case: Case) -> tuple[Diagnosis, ...]:
    """Every cause that the facts speak for, the earliest in the boot first."""
    return tuple(found for rule in _RULES if (found := rule(case)) is not None)


def outcome_of(case: Case) -> Outcome:
    """How the attempt stands, with the time that has passed since."""
    if case.outcome is Outcome.UNDER_WAY and case.silent > case.patience:
        return Outcome.STALLED
    return case.outcome


def _of(cause: Cause, says: str, *first: str) -> Diagnosis:
    return Diagnosis(cause, says, (*first, *MENDS.get(cause, ())))


def _no_request(case: Case) -> Diagnosis | None:
    if case.facts:
        return None
    return _of(Cause.NO_REQUEST, f"No request of {case.mac} has arrived since this server started")


def _ignored(case: Case) -> Diagnosis | None:
    last = case.last(Ignored)
    if last is None or case.outcome is not Outcome.IGNORED:
        return None
    where = {
        "dhcp": "when it asked for an offer",
        "pxe": "on port 4011",
        "script": "when its iPXE asked for its script",
    }
    return _of(Cause.IGNORED, f"It was refused {where[last.stage]}: {last.reason}")


def _held(case: Case) -> Diagnosis | None:
    last = case.last(Held)
    if last is None or case.outcome is not Outcome.HELD:
        return None
    return _of(Cause.HELD, f"It waits, and asks again every {last.seconds} s: {last.reason}")


def _no_offer(case: Case) -> Diagnosis | None:
    asked = [fact for fact in case.of(Unanswered) if not fact.server]
    if not asked or case.has(Offered, ScriptOffered, *_FETCHES):
        return None
    times = _times(len(asked))
    return _of(Cause.NO_OFFER, f"It asked {times} to be booted, and no boot server answered")


def _offer_not_taken(case: Case) -> Diagnosis | None:
    """The firmware was offered a boot and did nothing with it."""
    offers = case.of(Offered)
    if not offers or case.has(*_FETCHES) or _began_to_fetch(case):
        return None
    elsewhere = next((fact.server for fact in case.of(Unanswered) if fact.server), "")
    if not elsewhere and _still_waits(case):
        return None
    asked = [fact for fact in case.of(AddressAsked) if fact.client != "its system"]
    times = _times(len(offers))
    what = f"Its firmware was offered a boot {times} and has not asked for the file"
    for problem, cause in _SPOILED_BY.items():
        for news in case.neighbours:
            if news.problem is problem:
                return _of(cause, f"{what}; {news.text}", *news.mend)
    if elsewhere:
        says = f"{what}: it asked {elsewhere} on port 4011 in our place, which says that it is for PXE (option 60)"
        return _of(Cause.OPTION_60, says, *NEIGHBOUR_MENDS[Problem.PXE_CLASS])
    if answered := case.last(PxeAnswered):
        protocol = "HTTP" if answered.client is Client.HTTP_BOOT else "TFTP"
        return _of(Cause.TFTP_BLOCKED, f"{what}, though it was told on port 4011 where that is: {protocol} was lost")
    if asked:
        took = f"; it took an address from {asked[-1].server}" if asked[-1].server else "; it took an address"
        protocol = "HTTP" if offers[-1].client is Client.HTTP_BOOT else "TFTP"
        return _of(Cause.TFTP_BLOCKED, f"{what} by {protocol}{took}, so the offer was seen: its request was lost")
    rhythm = ", ".join(f"{fact.seconds} s" for fact in offers[-4:])
    return _of(
        Cause.OFFER_NOT_TAKEN,
        f"{what}, nor for an address: it seems to want everything from one server (it asked at {rhythm} of its clock)",
    )


def _offer_not_seen(case: Case) -> Diagnosis | None:
    """iPXE tells in its secs what it has seen (dhcp.c)."""
    offers = case.of(ScriptOffered)
    if len(offers) < 2 or case.has(ScriptSent, SentToDisk, Held) or _still_waits(case):
        return None
    bits = offers[-1].seconds
    if bits & _HAS_PROXY:
        return None
    for news in case.neighbours:
        if news.problem is Problem.NO_PXEDHCP:
            return _of(Cause.OFFER_NOT_SEEN, f"Its iPXE does not look at our offer; {news.text}", *news.mend)
    dhcp = "it has an offer of a DHCP server" if bits & _HAS_DHCP else "nor that of any DHCP server"
    return _of(
        Cause.OFFER_NOT_SEEN, f"Its iPXE asked {len(offers)} times and says that it has not seen our offer ({dhcp})"
    )


def _transfer_failed(case: Case) -> Diagnosis | None:
    last = next((fact for fact in reversed(case.of(Failed)) if fact.step == "transfer"), None)
    if last is None or _went_on(case, last):
        return None
    if last.via == "TFTP" and not last.bytes:
        return _of(
            Cause.TFTP_BLOCKED,
            f'It asked for "{last.file}" by TFTP, and acknowledged nothing that was sent: {last.reason}',
        )
    if last.via != "TFTP":
        return _of(
            Cause.FILE_FAILED,
            f'"{last.file}" broke off after {last.bytes:,} of {last.size:,} bytes: {last.reason}',
        )
    return _of(
        Cause.TRANSFER_FAILED,
        f'"{last.file}" broke off after {last.bytes:,} of {last.size:,} bytes by TFTP: {last.reason}',
    )


def _loader_silent(case: Case) -> Diagnosis | None:
    last = case.last(LoaderSent)
    if last is None or _went_on(case, last) or _still_waits(case):
        return None
    if any(isinstance(fact, Failed) for fact in case.facts[case.facts.index(last) + 1 :]):
        return None
    return _of(
        Cause.LOADER_SILENT,
        f'It fetched "{last.file}" ({last.bytes:,} bytes) {case.silent:.0f} s ago, and the iPXE in it has not asked '
        "for anything: the firmware did not start it, or it does not get along with the card",
    )


def _without_http(case: Case) -> Diagnosis | None:
    if not any(offer.without_http for offer in case.of(Offered)):
        return None
    return _of(Cause.WITHOUT_HTTP, "The iPXE in its card cannot fetch over HTTP")


def _not_a_kernel(case: Case) -> Diagnosis | None:
    """What it was handed said so itself."""
    last = next((fact for fact in reversed(case.of(Noticed)) if fact.what in ("other-processor", "no-kernel")), None)
    if last is None or case.outcome is Outcome.BOOTED:
        return None
    return _of(Cause.NOT_A_KERNEL, f"It {last.text}")


def _odd_range(case: Case) -> Diagnosis | None:
    last = next((fact for fact in reversed(case.of(Noticed)) if fact.what == "odd-range"), None)
    return _of(Cause.ODD_RANGE, f"It {last.text}") if last is not None else None


def _script_failed(case: Case) -> Diagnosis | None:
    kinds = [fact for fact in case.facts if _breaks_the_script(fact)]
    if not kinds or _went_on(case, kinds[-1]):
        return None
    last = kinds[-1]
    if isinstance(last, PluginFailed):
        return _of(
            Cause.SCRIPT_FAILED,
            f"There was no answer for it: plugin {last.plugin!r}, hook {last.hook}: {last.reason}",
            "Mend what the plugin says; where an API is asked, see that it answers: pixiecore select --mac {mac}",
        )
    assert isinstance(last, Failed)
    return _of(
        Cause.SCRIPT_FAILED,
        f"Its script could not be written: {last.reason}",
        "Mend the template or the command line; to try without a machine: pixiecore select --mac {mac}",
    )


def _breaks_the_script(fact: Fact) -> bool:
    return isinstance(fact, PluginFailed) or (isinstance(fact, Failed) and fact.step == "script")


def _file_failed(case: Case) -> Diagnosis | None:
    last = next((fact for fact in reversed(case.of(Failed)) if fact.step == "file"), None)
    if last is None or _went_on(case, last):
        return None
    return _of(
        Cause.FILE_FAILED,
        f"A file that it needs is not to be had: {last.reason}",
        "Check the path or the URL, and that this host can read it: pixiecore fetch URL",
    )


def _step_failed(case: Case) -> Diagnosis | None:
    last = case.last(StepFailed)
    if last is None or case.outcome is Outcome.IGNORED or case.has(Booting) or _not_a_kernel(case) is not None:
        return None
    if any(isinstance(fact, Failed) for fact in case.facts[-4:]):
        return None
    error = ipxe_error(f"0x{last.number}")
    number = f" (ipxe.org/err/{error.page})" if error is not None else ""
    says = f"Its iPXE could not {doing(last.step)}: {last.problem}{number}"
    if error is None:
        return _of(Cause.STEP_FAILED, says)
    cause = Cause.NOT_A_KERNEL if error.row.number[:2] in ("2e", "7f") else Cause.STEP_FAILED
    because = f"; {error.row.cause}" if error.row.cause else ""
    return _of(cause, says + because, error.row.mend[:1].upper() + error.row.mend[1:])


def _stalled(case: Case) -> Diagnosis | None:
    """Where nothing else is known: it was on its way, and stopped."""
    if outcome_of(case) is not Outcome.STALLED or not case.has(ScriptSent, KernelSent, InitrdSent):
        return None
    last = next(fact for fact in reversed(case.facts) if isinstance(fact, (ScriptSent, KernelSent, InitrdSent)))
    steps: dict[type[Fact], str] = {
        ScriptSent: "its script",
        KernelSent: "its kernel",
        InitrdSent: "an initial RAM disk",
    }
    return _of(Cause.STALLED, f"It has fetched {steps[type(last)]}, and nothing since, for {case.silent:.0f} s")


def _came_back(case: Case) -> Diagnosis | None:
    started = next((fact for fact in reversed(case.before) if isinstance(fact, Booting)), None)
    if started is None or not case.facts or any(fact.at > started.at for fact in case.before if _is_life(fact)):
        return None
    after = case.facts[0].at - started.at
    if not 0 <= after < CAME_BACK_SECONDS:
        return None
    return _of(
        Cause.CAME_BACK,
        f"It started its kernel, was not heard of, and asked to be booted again {after:.0f} s later",
    )


def _is_life(fact: Fact) -> bool:
    return fact.kind in ("reported", "logged") or (isinstance(fact, AddressAsked) and fact.client == "its system")


def _silent_afterwards(case: Case) -> Diagnosis | None:
    started = case.last(Booting)
    if started is None or case.outcome is not Outcome.BOOTING or case.now - started.at < LIFE_SECONDS:
        return None
    return _of(
        Cause.SILENT_AFTERWARDS,
        f"It has everything and started its kernel {_ago(case.now - started.at)} ago; its system has not been heard "
        "of: no request for an address, no report",
    )


def _time_lost(case: Case) -> Diagnosis | None:
    """Other entries of the boot order had their turn first."""
    offers = [fact for fact in case.facts if isinstance(fact, (Offered, ScriptOffered))]
    taken = next(
        (fact for fact in case.facts if isinstance(fact, (LoaderSent, PxeAnswered, ScriptSent, Booting))), None
    )
    if taken is None or not offers:
        return None
    led_on = next((offer for offer in reversed(offers) if offer.at <= taken.at), None)
    if led_on is None or led_on.at - case.facts[0].at < LOST_SECONDS or led_on.client is Client.IPXE:
        return None
    first = next((offer for offer in offers if offer.client is not led_on.client), None)
    if first is None:
        return None
    lost = led_on.at - case.facts[0].at
    diagnosis = _of(
        Cause.TIME_LOST, f"Its firmware tried {first.client} for {_ago(lost)} before {led_on.client} booted it"
    )
    return Diagnosis(
        diagnosis.cause, diagnosis.says, tuple(line.replace("{order}", str(led_on.client)) for line in diagnosis.mend)
    )


def _went_on(case: Case, since: Fact) -> bool:
    """Whether the machine came further after *since*."""
    behind = case.facts[next(place for place, fact in enumerate(case.facts) if fact is since) + 1 :]
    kinds = (ScriptOffered, ScriptSent, SentToDisk, Booting, Held)
    return any(isinstance(fact, kinds) for fact in behind) or any(
        isinstance(fact, (KernelSent, LoaderSent)) for fact in behind if isinstance(since, Failed)
    )


def _began_to_fetch(case: Case) -> bool:
    kinds = (Refused, Failed)
    return any(isinstance(fact, kinds) and getattr(fact, "file", "") for fact in case.facts)


def _still_waits(case: Case) -> bool:
    """Whether the machine may go on by itself any moment."""
    return case.silent < case.patience and not _asked_again(case)


def _asked_again(case: Case) -> bool:
    return sum(isinstance(fact, (Offered, ScriptOffered)) for fact in case.facts) > 1


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _ago(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


_RULES: tuple[Rule, ...] = (
    _no_request,
    _ignored,
    _held,
    _no_offer,
    _offer_not_taken,
    _offer_not_seen,
    _transfer_failed,
    _loader_silent,
    _script_failed,
    _file_failed,
    _not_a_kernel,
    _step_failed,
    _stalled,
    _came_back,
    _silent_afterwards,
    _odd_range,
    _without_http,
    _time_lost,
)

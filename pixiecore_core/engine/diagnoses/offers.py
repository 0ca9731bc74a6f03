"""Why a machine has not taken an offer, or got none: one rule for each cause, in the order of a boot. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pixiecore_core.engine.attempts import Outcome
from pixiecore_core.engine.case import Case, Cause, Diagnosis
from pixiecore_core.engine.diagnoses.common import (
    began_to_fetch,
    diagnosis,
    outcome_of,
    span,
    still_waits,
    times,
)
from pixiecore_core.engine.mends import HTTP_BOOT_URI, IN_ONE_SERVER, OR_HTTP_LOST, OR_NOT_HEARD
from pixiecore_core.engine.neighbour_mends import MENDS as NEIGHBOUR_MENDS
from pixiecore_core.engine.neighbour_mends import Problem
from pixiecore_core.models import Client
from pixiecore_core.models.facts import (
    AddressAsked,
    Booting,
    Failed,
    FileSent,
    Held,
    Ignored,
    InitrdSent,
    KernelSent,
    LoaderSent,
    Offered,
    PluginFailed,
    PxeAnswered,
    ScriptOffered,
    ScriptSent,
    SentToDisk,
    StepFailed,
    Unanswered,
)

_HAS_DHCP, _HAS_PROXY = 2, 1
"""Bits of the secs that iPXE sends (dhcp.c): it has seen a DHCP server's offer, and a proxy's."""
_SPOILED_BY = {
    Problem.PXE_CLASS: Cause.OPTION_60,
    Problem.OTHER_KEY: Cause.SECOND_PROXY,
    Problem.SECOND_PROXY: Cause.SECOND_PROXY,
    Problem.OTHER_FILE: Cause.SECOND_PROXY,
}
"""What a neighbour does that makes firmware pass over our offer, the likeliest first."""
_RIVALS = (Problem.OTHER_KEY, Problem.SECOND_PROXY)
"""iPXE takes their offer if it comes first; ours outranks the boot file that a DHCP server names."""
_FETCHES = (LoaderSent, ScriptOffered, ScriptSent, SentToDisk, KernelSent, InitrdSent, FileSent, Booting)
"""What only happens after an offer was taken."""


def _by(plugin: str) -> str:
    return f", by {plugin}" if plugin else ""


def _asked_elsewhere(case: Case) -> str:
    """The server whose port 4011 it asked in place of ours, which a capture shows; or nothing."""
    return next((fact.server for fact in case.of(Unanswered) if fact.elsewhere), "")


def _instead(case: Case, what: str, problems: Iterable[Problem]) -> Diagnosis | None:
    """It took another's offer, or asked another server.

    :param what: what it did not do
    :param problems: what a neighbour may do that has this effect, the likeliest first
    """
    elsewhere = _asked_elsewhere(case)
    for problem in problems:
        for news in case.neighbours:
            if news.problem is problem and elsewhere in ("", news.neighbour.server):
                return diagnosis(_SPOILED_BY[problem], f"{what}; {news.text}", *news.mend)
    if not elsewhere:
        return None
    what = f"{what}: it asked {elsewhere} on port 4011 in our place"
    if any(fact.server == elsewhere for fact in case.of(AddressAsked)):
        says = f"{what}, which says that it is for PXE (option 60)"
        return diagnosis(Cause.OPTION_60, says, *NEIGHBOUR_MENDS[Problem.PXE_CLASS])
    return diagnosis(Cause.SECOND_PROXY, what, *NEIGHBOUR_MENDS[Problem.SECOND_PROXY])


def no_request(case: Case) -> Diagnosis | None:
    """Nothing of it has arrived."""
    if case.facts:
        return None
    return diagnosis(Cause.NO_REQUEST, f"No request of {case.mac} has arrived since this server started")


def ignored(case: Case) -> Diagnosis | None:
    """Somebody refused it."""
    last = case.last(Ignored)
    if last is None or case.outcome is not Outcome.IGNORED:
        return None
    where = {
        "dhcp": "when it asked for an offer",
        "pxe": "on port 4011",
        "script": "when its iPXE asked for its script",
    }
    return diagnosis(Cause.IGNORED, f"It was refused {where[last.stage]}{_by(last.by)}: {last.reason}")


def held(case: Case) -> Diagnosis | None:
    """It is told to wait."""
    last = case.last(Held)
    if last is None or case.outcome is not Outcome.HELD:
        return None
    if outcome_of(case) is Outcome.STALLED:
        says = f"It was told to wait{_by(last.by)} ({last.reason}), and has not asked again for {span(case.silent)}"
        return diagnosis(Cause.STALLED, says)
    return diagnosis(Cause.HELD, f"It waits, and asks again every {last.seconds} s{_by(last.by)}: {last.reason}")


def no_offer(case: Case) -> Diagnosis | None:
    """In a capture: nobody offered it anything."""
    asked = [fact for fact in case.of(Unanswered) if not fact.server]
    if not asked or case.has(Offered, ScriptOffered, *_FETCHES):
        return None
    return diagnosis(Cause.NO_OFFER, f"It asked {times(len(asked))} to be booted, and no boot server answered")


def offer_not_taken(case: Case) -> Diagnosis | None:
    """The firmware was offered a boot and did nothing with it."""
    offers = case.of(Offered)
    if not offers or case.has(*_FETCHES) or began_to_fetch(case):
        return None
    if not _asked_elsewhere(case) and still_waits(case):
        return None
    asked = [fact for fact in case.of(AddressAsked) if fact.client != "its system"]
    what = f"Its firmware was offered a boot {times(len(offers))} and has not asked for the file"
    instead = _instead(case, what, _SPOILED_BY)
    if instead is not None:
        return instead
    if any(fact.server for fact in case.of(Unanswered)):
        return diagnosis(
            Cause.TFTP_BLOCKED, f"{what}: it asked on our port 4011 where that is, and its question was lost"
        )
    if case.has(PxeAnswered):
        return diagnosis(Cause.TFTP_BLOCKED, f"{what}, though it was told on port 4011 where that is: TFTP was lost")
    if asked:
        took = f"; it took an address from {asked[-1].server}" if asked[-1].server else "; it took an address"
        by_http = offers[-1].client is Client.HTTP_BOOT
        cause, protocol = (Cause.HTTP_BLOCKED, "HTTP") if by_http else (Cause.TFTP_BLOCKED, "TFTP")
        return diagnosis(cause, f"{what} by {protocol}{took}, so the offer was seen: its request was lost")
    rhythm = ", ".join(f"{fact.seconds} s" for fact in offers[-4:]) if offers[-1].seconds else ""
    clock = f" (it asked at {rhythm} of its clock)" if rhythm else ""
    by_bmc = (HTTP_BOOT_URI,) if offers[-1].architecture.startswith("UEFI") else ()
    if case.gave_address is False:
        says = f"{what}, nor for an address, and no DHCP server was heard to offer it one{clock}"
        found, further = diagnosis(Cause.NO_DHCP, says), (OR_NOT_HEARD, *IN_ONE_SERVER, *by_bmc)
    else:
        says = f"{what}, nor for an address: it seems to want everything from one server{clock}"
        found, further = diagnosis(Cause.OFFER_NOT_TAKEN, says), by_bmc
    return replace(found, mend=(*found.mend, *further))


def offer_not_seen(case: Case) -> Diagnosis | None:
    """iPXE tells in its secs what it has seen (dhcp.c)."""
    offers = case.of(ScriptOffered)
    if len(offers) < 2 or case.has(ScriptSent, SentToDisk, Held) or still_waits(case):
        return None
    if any(fact.client == "iPXE" for fact in case.of(AddressAsked)):
        return None  # it has taken it
    bits = offers[-1].seconds
    if bits & _HAS_PROXY and not bits & _HAS_DHCP:
        says = f"Its iPXE asked {len(offers)} times and says that it has our offer, and none of a DHCP server"
        return diagnosis(Cause.NO_DHCP, says)
    if bits & _HAS_PROXY:
        return None
    for news in case.neighbours:
        if news.problem is Problem.NO_PXEDHCP:
            return diagnosis(Cause.OFFER_NOT_SEEN, f"Its iPXE does not look at our offer; {news.text}", *news.mend)
    dhcp = "it has an offer of a DHCP server" if bits & _HAS_DHCP else "nor that of any DHCP server"
    return diagnosis(
        Cause.OFFER_NOT_SEEN, f"Its iPXE asked {len(offers)} times and says that it has not seen our offer ({dhcp})"
    )


def script_not_asked(case: Case) -> Diagnosis | None:
    """Its iPXE has taken our offer, and its request for the script has not arrived."""
    if not case.has(ScriptOffered) or case.has(ScriptSent, SentToDisk, Booting, StepFailed) or still_waits(case):
        return None
    if any(isinstance(fact, (Held, Ignored, Failed, PluginFailed)) for fact in case.facts):
        return None
    asked = next((fact for fact in case.of(AddressAsked) if fact.client == "iPXE"), None)
    if asked is None:
        return None
    server = f" from {asked.server}" if asked.server else ""
    instead = _instead(case, f"Its iPXE took an address{server} and has not asked for its script", _RIVALS)
    if instead is not None:
        return instead if _asked_elsewhere(case) else replace(instead, mend=(*instead.mend, OR_HTTP_LOST))
    says = f"Its iPXE took our offer and an address{server}, and has not asked for its script: HTTP was lost"
    return diagnosis(Cause.HTTP_BLOCKED, says)

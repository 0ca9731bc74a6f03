"""What the rules have in common: how far a machine came, whether it may still go on, and words. Pure."""

from __future__ import annotations

from pixiecore_core.engine.attempts import Outcome
from pixiecore_core.engine.case import Case, Cause, Diagnosis
from pixiecore_core.engine.mends import MENDS
from pixiecore_core.models.facts import (
    Booting,
    Fact,
    Failed,
    Held,
    KernelSent,
    LoaderSent,
    Offered,
    Refused,
    ScriptOffered,
    ScriptSent,
    SentToDisk,
    StepFailed,
)


def diagnosis(cause: Cause, says: str, *first: str) -> Diagnosis:
    """A diagnosis with what its cause is mended by; *first* comes before that."""
    return Diagnosis(cause, says, (*first, *MENDS.get(cause, ())))


def went_on(case: Case, since: Fact) -> bool:
    """Whether the machine came further after *since*."""
    behind = case.facts[next(place for place, fact in enumerate(case.facts) if fact is since) + 1 :]
    kinds = (ScriptOffered, ScriptSent, SentToDisk, Booting, Held)
    return any(isinstance(fact, kinds) for fact in behind) or any(
        isinstance(fact, (KernelSent, LoaderSent)) for fact in behind if isinstance(since, Failed)
    )


def began_to_fetch(case: Case) -> bool:
    """Whether it has asked for a file, in vain."""
    kinds = (Refused, Failed)
    return any(isinstance(fact, kinds) and getattr(fact, "file", "") for fact in case.facts)


def still_waits(case: Case) -> bool:
    """Whether the machine may go on by itself any moment."""
    return case.silent < case.patience and not asked_again(case)


def asked_again(case: Case) -> bool:
    """Whether it was offered so often that it takes none: twice may be a slow DHCP server's doing."""
    return sum(isinstance(fact, (Offered, ScriptOffered)) for fact in case.facts) > 2


def span(seconds: float) -> str:
    """A span of time in words."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def times(number: int) -> str:
    """A number of times in words."""
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def outcome_of(case: Case) -> Outcome:
    """How the attempt stands, with the time that has passed since."""
    last_failure = case.facts[-1] if case.facts else None
    told_to_wait = last_failure.wait if isinstance(last_failure, StepFailed) else 0
    if case.outcome is Outcome.UNDER_WAY and case.silent > case.patience + told_to_wait:
        return Outcome.STALLED
    if case.outcome is Outcome.HELD:
        last = case.last(Held)
        # iPXE asks again by itself; one that does not was switched off, or has given up.
        if last is not None and case.silent > last.seconds + case.patience:
            return Outcome.STALLED
    return case.outcome

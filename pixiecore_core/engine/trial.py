"""What a machine is being answered, and how far it has come since: a part of its attempt. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from pixiecore_core.models.facts import (
    Booting,
    Fact,
    Failed,
    Held,
    Ignored,
    InitrdSent,
    KernelSent,
    LoaderSent,
    ScriptOffered,
    ScriptSent,
    SentToDisk,
    StepFailed,
)
from pixiecore_core.models.offer import Trouble


class Step(IntEnum):
    """How far a machine has come since it was answered."""

    ANSWERED = 0
    FETCHING = 1
    """It began to fetch its first file, and did not get it."""
    LOADED = 2
    STARTED = 3
    """Its iPXE has asked, by DHCP or for its script; or what it has loaded is what it boots."""


def step_of(fact: Fact) -> Step | None:
    """The step that a fact tells of, if any."""
    match fact:
        case ScriptOffered() | ScriptSent() | SentToDisk() | StepFailed() | Booting():
            return Step.STARTED
        case Held(asked_for="script") | Ignored(stage="script") | Failed(step="script"):
            return Step.STARTED  # its iPXE is there, whatever it is told
        case LoaderSent() | KernelSent() | InitrdSent():
            return Step.LOADED
        case Failed(step="transfer") if fact.bytes:  # of the others it is not known that anybody asked
            return Step.FETCHING
    return None


@dataclass(slots=True)
class Trial:
    """See above. The times are by the clock of :class:`pixiecore_core.engine.adapting.Adapter`."""

    machine: str
    """Its address, and as what it asks: each of its clients is answered in its own way."""
    fingerprint: str
    usual: dict[Trouble, str]
    """What is tried first where nothing is known."""
    tried: dict[Trouble, str]
    """The row in use against each trouble."""
    answered: float = 0.0
    asked: int = 0
    """How often since its firmware began."""
    step: Step = Step.ANSWERED
    stepped: float = 0.0
    """When that step was taken."""
    failures: dict[Trouble, int] = field(default_factory=dict)
    """In a row, of what is being tried."""

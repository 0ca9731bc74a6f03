"""What is known of one machine's attempts to boot, and what is said of it: the values that diagnosing is about.

Values only: what they mean is in :mod:`pixiecore_core.engine.diagnosing`, how they read in
:mod:`pixiecore_core.engine.explaining`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import TypeVar

from pixiecore_core.engine.attempts import Outcome
from pixiecore_core.engine.neighbours import News
from pixiecore_core.models.facts import Fact

PATIENCE = 20.0
"""Seconds: iPXE waits 16 s for IPv6 routers at the most (the lab, 2019 builds), firmware 32 s between two of its
requests, which each count as being heard."""
PATIENCE_WITH_CAPTURES = 8.0
"""The same at the end of a capture, which somebody has ended because nothing happened any more."""

F = TypeVar("F", bound=Fact)


class Cause(StrEnum):
    """Why a machine has not booted, or not soon: the name of each diagnosis."""

    NO_REQUEST = "no-request"
    NO_OFFER = "no-offer"
    IGNORED = "ignored"
    HELD = "held"
    OFFER_NOT_SEEN = "offer-not-seen"
    NO_DHCP = "no-dhcp"
    OPTION_60 = "option-60"
    SECOND_PROXY = "second-proxy"
    OFFER_NOT_TAKEN = "offer-not-taken"
    TFTP_BLOCKED = "tftp-blocked"
    HTTP_BLOCKED = "http-blocked"
    TRANSFER_FAILED = "transfer-failed"
    LOADER_SILENT = "loader-silent"
    WITHOUT_HTTP = "ipxe-without-http"
    ODD_RANGE = "odd-range"
    SCRIPT_FAILED = "script-failed"
    FILE_FAILED = "file-failed"
    NOT_A_KERNEL = "not-startable"
    STEP_FAILED = "step-failed"
    STALLED = "stalled"
    CAME_BACK = "came-back"
    SILENT_AFTERWARDS = "silent-afterwards"
    TIME_LOST = "time-lost"


@dataclass(frozen=True, slots=True)
class Case:
    """One machine.

    :param facts: its latest attempt, oldest first
    :param before: the attempt before that
    :param outcome: how the latest attempt stands, by its facts alone
    :param now: seconds since the epoch
    :param neighbours: what other servers do here that breaks boots
    """

    mac: str
    facts: Sequence[Fact]
    before: Sequence[Fact]
    outcome: Outcome
    now: float
    neighbours: Sequence[News] = ()
    _: KW_ONLY
    patience: float = PATIENCE
    """Seconds of silence until a machine under way has stopped."""
    gave_address: bool | None = None
    """Whether a DHCP server was heard to offer it an address; ``None`` where that is not known."""
    moving: bool = False
    """Whether a file is being sent to it, so that it is not silent."""

    def of(self, kind: type[F]) -> list[F]:
        """The facts of a kind, oldest first."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def last(self, kind: type[F]) -> F | None:
        """The latest fact of a kind."""
        return next((fact for fact in reversed(self.facts) if isinstance(fact, kind)), None)

    def has(self, *kinds: type[Fact]) -> bool:
        """Whether there is a fact of one of these kinds."""
        return any(isinstance(fact, kinds) for fact in self.facts)

    @property
    def silent(self) -> float:
        """Seconds since the machine was last heard of; 0 where it never was, or is being sent something."""
        return max(0.0, self.now - self.facts[-1].at) if self.facts and not self.moving else 0.0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a machine has not booted, and what mends that."""

    cause: Cause
    says: str
    """In one sentence, with the evidence."""
    mend: tuple[str, ...] = ()
    """What to do, a line each; lines of a configuration begin with four spaces."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a timeline."""

    at: float
    """Seconds since the epoch."""
    offset: float
    """Seconds since the attempt began."""
    subsystem: str
    text: str
    level: str = "info"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happened to a machine, why, and what to do."""

    mac: str
    outcome: Outcome
    summary: str
    lines: tuple[Line, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = field(default=())

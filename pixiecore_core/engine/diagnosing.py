"""Why a machine has not booted: one small rule for each cause, asked in the order of a boot.

Pure: facts and the time in, diagnoses out. The server asks with what it has seen, and ``pixiecore explain FILE`` with
what a capture holds. What to do about a cause is in :mod:`pixiecore_core.engine.mends`.
"""

from __future__ import annotations

from collections.abc import Callable

from pixiecore_core.engine.case import Case, Diagnosis
from pixiecore_core.engine.diagnoses import afterwards, files, offers

Rule = Callable[[Case], Diagnosis | None]

RULES: tuple[Rule, ...] = (
    offers.no_request,
    offers.ignored,
    offers.held,
    offers.no_offer,
    offers.offer_not_taken,
    offers.script_not_asked,
    offers.offer_not_seen,
    files.transfer_failed,
    files.loader_silent,
    files.script_failed,
    files.file_failed,
    files.not_a_kernel,
    files.step_failed,
    files.stalled,
    afterwards.came_back,
    afterwards.silent_afterwards,
    afterwards.odd_range,
    afterwards.without_http,
    afterwards.time_lost,
)


def diagnose(case: Case) -> tuple[Diagnosis, ...]:
    """Every cause that the facts speak for, the earliest in the boot first."""
    return tuple(found for rule in RULES if (found := rule(case)) is not None)

"""Explains a machine's boot: its timeline in plain words, how it stands, why, and what to do. Pure.

The same for a running server, which knows facts, and for a capture, from which facts are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pixiecore_core.engine.attempts import Outcome
from pixiecore_core.engine.case import Case, Cause, Diagnosis, Explanation, Line
from pixiecore_core.engine.diagnoses.common import outcome_of
from pixiecore_core.engine.diagnosing import diagnose
from pixiecore_core.engine.words import sentence, subsystem
from pixiecore_core.models.facts import Booting, Fact, KernelSent, Logged, Offered, ScriptOffered, ScriptSent

_HARMLESS = (Cause.TIME_LOST, Cause.WITHOUT_HTTP, Cause.ODD_RANGE, Cause.CAME_BACK)
"""What may be said of a boot that went well, too."""


def explain(case: Case, names: Mapping[str, str]) -> Explanation:
    """What happened to a machine.

    :param names: what stands in a mend for ``server``, ``url`` and ``file``
    """
    outcome, diagnoses = outcome_of(case), diagnose(case)
    if outcome in (Outcome.BOOTED, Outcome.LOCAL, Outcome.BOOTING):
        allowed = (*_HARMLESS, Cause.SILENT_AFTERWARDS, Cause.NOT_A_KERNEL)
        diagnoses = tuple(one for one in diagnoses if one.cause in allowed)
    known = {"mac": case.mac, **names}
    filled = tuple(
        Diagnosis(one.cause, one.says, tuple(_filled(line, known) for line in one.mend)) for one in diagnoses
    )
    return Explanation(case.mac, outcome, _summary(case, outcome), lines(case.facts), filled)


def lines(facts: Iterable[Fact]) -> tuple[Line, ...]:
    """A timeline: what repeats itself is told once, with how often."""
    told: list[Line] = []
    began = 0.0
    repeats = 0
    for number, fact in enumerate(facts):
        began = began if number else fact.at
        line = Line(fact.at, fact.at - began, subsystem(fact), sentence(fact), _level(fact))
        if told and told[-1].text.partition(" (×")[0] == line.text:
            repeats += 1
            last = told[-1]
            told[-1] = Line(last.at, last.offset, last.subsystem, f"{line.text} (×{repeats + 1})", last.level)
            continue
        repeats = 0
        told.append(line)
    return tuple(told)


def _level(fact: Fact) -> str:
    """How much a line matters: RFC 5424 has errors up to 3."""
    return "warning" if isinstance(fact, Logged) and fact.severity <= 3 else fact.level


def _filled(line: str, known: Mapping[str, str]) -> str:
    for name, value in known.items():
        line = line.replace("{" + name + "}", value)
    return line


def _summary(case: Case, outcome: Outcome) -> str:
    """How it stands, in one sentence."""
    if not case.facts:
        return f"{case.mac} has not been heard of"
    began = case.facts[0].at
    took = case.facts[-1].at - began
    started = case.last(Booting)
    match outcome:
        case Outcome.BOOTING if started is not None:
            return f"{case.mac} started its kernel {started.at - began:.1f} s after its first request"
        case Outcome.BOOTED if started is not None:
            since = f"its kernel started {started.at - began:.1f} s after its first request"
            return f"{case.mac} booted: {since}, and its system has been heard of"
        case Outcome.BOOTED:
            return f"{case.mac} runs: its system has been heard of"
        case Outcome.LOCAL:
            return f"{case.mac} was sent on to its own disk {took:.1f} s after its first request"
        case Outcome.IGNORED:
            return f"{case.mac} is not booted from here"
        case Outcome.HELD:
            return f"{case.mac} waits"
        case Outcome.FAILED:
            return f"{case.mac} failed {step_in_words(case.facts)}, {took:.1f} s after its first request"
        case Outcome.STALLED:
            return f"{case.mac} stopped {step_in_words(case.facts)}, and has been silent for {case.silent:.0f} s"
    return f"{case.mac} is under way: {step_in_words(case.facts)}"


def step_in_words(facts: Iterable[Fact]) -> str:
    """How far a machine has come."""
    words = "before any offer"
    for fact in facts:
        words = _AFTER.get(type(fact), words)
    return words


_AFTER: dict[type[Fact], str] = {
    Offered: "after the offer to its firmware",
    ScriptOffered: "after the offer to its iPXE",
    ScriptSent: "after its script",
    KernelSent: "after its kernel was loaded",
    Booting: "after its kernel was started",
}

"""What the page and the JSON show of a machine: the models of ``/_/v1``, and how they are made from its attempt.

Whoever is not trusted with all of it is shown no names of files, no URLs and nothing that people have written. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import BaseModel, Field

from pixiecore_core.boot.paths import ServerAddress, loader_path
from pixiecore_core.engine.attempts import Attempt, Outcome
from pixiecore_core.engine.case import Case, Explanation
from pixiecore_core.engine.explaining import explain, step_in_words
from pixiecore_core.engine.neighbours import Surroundings
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models import Fact, Machine
from pixiecore_core.observe.progress import Moving

_WRITTEN = (
    "file",
    "reason",
    "told",
    "text",
    "step",
    "because",
    "wait",
    "place",
    "screen",
    "then",
    "problem",
    "values",
    "vendor_class",
    "program",
)
"""Fields of facts that may hold names of files, URLs, or what people wrote."""
_LEFT_OUT = "…"


class Progress(BaseModel):
    """A file that is being sent."""

    file: str = Field(description="its name; empty for who may not see it")
    bytes: int = Field(description="sent so far")
    size: int = Field(description="of the file, in bytes")
    seconds: float = Field(description="since it began")


class MachineSummary(BaseModel):
    """One machine, in a line."""

    mac: str
    state: str = Field(description="under way, booting, booted, local, ignored, held, stalled or failed")
    step: str = Field(description="how far it has come")
    note: str = Field(description="the last thing that happened; or why it has not booted")
    cause: str = Field(description="the name of the first diagnosis; empty for none")
    name: str = Field(description="what it calls itself, or is called by its DHCP server")
    serial: str
    manufacturer: str
    model: str
    architecture: str
    address: str = Field(description="its address, once it has one")
    interface: str = Field(description="our network interface that it asked on")
    began: float = Field(description="when its latest attempt began, in seconds since the epoch")
    heard: float = Field(description="when it was heard of last, in seconds since the epoch")
    progress: Progress | None = None


class TimelineEntry(BaseModel):
    """One line of a timeline."""

    at: float = Field(description="seconds since the epoch")
    offset: float = Field(description="seconds since the attempt began")
    subsystem: str
    level: str
    message: str


class DiagnosisView(BaseModel):
    """Why a machine has not booted, and what to do."""

    cause: str = Field(description="its name, which does not change")
    says: str
    mend: list[str] = Field(description="what to do, a line each; lines of a configuration begin with four spaces")


class ActionView(BaseModel):
    """What can be done about a machine."""

    name: str = Field(description="what POST /_/v1/actions takes, such as allowlist:approve")
    title: str
    about: str = Field(description="what it does, in one sentence")


class MachineDetail(MachineSummary):
    """One machine, with all that is known."""

    summary: str = Field(description="how its boot stands, in one sentence")
    timeline: list[TimelineEntry]
    diagnoses: list[DiagnosisView]
    uuid: str
    asset: str
    ipxe_version: str
    before: list[TimelineEntry] = Field(description="the attempt before this one")
    actions: list[ActionView] = Field(default=[], description="what can be done about it now, with the token")


def case_of(
    mac: str,
    attempt: Attempt | None,
    now: float,
    around: Surroundings | None = None,
    moving: Moving | None = None,
) -> Case:
    """What is known of a machine, for whoever explains it."""
    around = around or Surroundings()
    if attempt is None:
        return Case(mac, (), (), Outcome.UNDER_WAY, now, around.problems)
    facts, before, gave_address = attempt.facts, attempt.before or (), None
    # What a DHCP server answers a relay is not heard, and after the clock was set back nobody knows when that was.
    if facts and attempt.machine.relay is None and facts[0].at <= facts[-1].at <= now:
        gave_address = around.gave_address(mac, now - facts[0].at)
    problems = around.problems_on(attempt.machine.interface)
    return Case(
        mac, facts, before, attempt.outcome, now, problems, gave_address=gave_address, moving=moving is not None
    )


def names_for(mac: str, machine: Machine | None, server: ServerAddress, firmware: FirmwareTable) -> dict[str, str]:
    """What stands in a mend for our address, and for the first file of a machine."""
    kind = machine.architecture if machine is not None else None
    loader = firmware.loader_for(kind) if kind is not None else None
    file = loader_path(mac, loader) if loader is not None else f"{mac}/LOADER/FILE"
    return {"server": str(server.ip), "port": str(server.http_port), "file": file, "url": server.first_stage_url(file)}


def is_sought(attempt: Attempt, text: str, full: bool) -> bool:
    """Whether *text* is in what a machine is known by, to whoever looks for it: what is not shown is not found."""
    machine = attempt.told or attempt.machine
    known = [machine.mac, machine.serial, machine.manufacturer, machine.product, str(machine.address or "")]
    if full:
        known.append(machine.hostname)
    return any(text.lower() in word.lower() for word in known)


def summary(attempt: Attempt, full: bool, moving: Moving | None, case: Case) -> MachineSummary:
    """A machine in a line."""
    return MachineSummary.model_validate(_summary(attempt, full, moving, explain(case, {})))


def detail(attempt: Attempt, full: bool, moving: Moving | None, case: Case, names: Mapping[str, str]) -> MachineDetail:
    """A machine, with all that is known."""
    shown = case if full else _without_what_was_written(case)
    explained = explain(shown, names)
    machine = attempt.told or attempt.machine
    before = explain(Case(case.mac, shown.before, (), Outcome.UNDER_WAY, case.now), {})
    further = {
        "summary": explained.summary,
        "timeline": _entries(explained),
        "diagnoses": _diagnoses(explained),
        "uuid": str(machine.uuid or ""),
        "asset": machine.asset if full else "",
        "ipxe_version": machine.ipxe_version,
        "before": _entries(before),
    }
    return MachineDetail.model_validate(_summary(attempt, full, moving, explained) | further)


def unknown(mac: str, case: Case, names: Mapping[str, str]) -> MachineDetail:
    """A machine that has not been heard of: that has its reasons, too."""
    explained = explain(case, names)
    nothing = _summary(Attempt(Machine(mac=mac)), True, None, explained)
    further = {"state": "not heard of", "began": 0, "heard": 0, "summary": explained.summary, "timeline": []}
    further |= {"diagnoses": _diagnoses(explained), "uuid": "", "asset": "", "ipxe_version": "", "before": []}
    return MachineDetail.model_validate(nothing | further)


def _diagnoses(explained: Explanation) -> list[DiagnosisView]:
    return [DiagnosisView(cause=one.cause, says=one.says, mend=list(one.mend)) for one in explained.diagnoses]


def _entries(explained: Explanation) -> list[TimelineEntry]:
    return [
        TimelineEntry(
            at=line.at, offset=round(line.offset, 3), subsystem=line.subsystem, level=line.level, message=line.text
        )
        for line in explained.lines
    ]


def _summary(attempt: Attempt, full: bool, moving: Moving | None, explained: Explanation) -> dict[str, object]:
    """The fields of a :class:`MachineSummary`."""
    machine, facts = attempt.told or attempt.machine, attempt.facts
    cause = explained.diagnoses[0].cause if explained.diagnoses else ""
    note = explained.diagnoses[0].says if explained.diagnoses else (explained.lines[-1].text if explained.lines else "")
    return {
        "mac": machine.mac,
        "state": str(explained.outcome),
        "step": step_in_words(facts),
        "note": note if full else "",
        "cause": str(cause),
        "name": machine.hostname if full else "",
        "serial": machine.serial,
        "manufacturer": machine.manufacturer,
        "model": machine.product,
        "architecture": str(machine.architecture or ""),
        "address": str(machine.address or ""),
        "interface": machine.interface or attempt.machine.interface,
        "began": attempt.began,
        "heard": facts[-1].at if facts else attempt.began,
        "progress": Progress(
            file=moving.file if full else "", bytes=moving.bytes, size=moving.size, seconds=round(moving.seconds, 2)
        )
        if moving is not None
        else None,
    }


def _without_what_was_written(case: Case) -> Case:
    """The same, for whoever may not see what people wrote."""
    return replace(
        case,
        facts=[bare(fact) for fact in case.facts],
        before=[bare(fact) for fact in case.before],
        neighbours=[replace(news, text=f"{news.neighbour.server} is in the way") for news in case.neighbours],
    )


def bare(fact: Fact) -> Fact:
    """A fact without names of files, URLs, and what people wrote."""
    left_out: dict[str, object] = {name: _LEFT_OUT for name in _WRITTEN if getattr(fact, name, "")}
    if "values" in left_out:
        left_out["values"] = {}
    return fact.model_copy(update=left_out) if left_out else fact

"""Why a machine that took its offer went no further than to its script, its files or its kernel: the rules. Pure."""

from __future__ import annotations

from pixiecore_core.engine.attempts import Outcome
from pixiecore_core.engine.case import Case, Cause, Diagnosis
from pixiecore_core.engine.diagnoses.common import (
    diagnosis,
    outcome_of,
    still_waits,
    went_on,
)
from pixiecore_core.engine.words import doing
from pixiecore_core.firmware.ipxe_errors import ipxe_error
from pixiecore_core.models.facts import (
    Fact,
    Failed,
    InitrdSent,
    KernelSent,
    LoaderSent,
    Noticed,
    Offered,
    PluginFailed,
    ScriptOffered,
    ScriptSent,
    StepFailed,
)

_GONE, _LEFT = "does not listen", "the client"
"""In the reasons of net/: an ICMP error says so; it went away, or stopped reading."""


def transfer_failed(case: Case) -> Diagnosis | None:
    """A file broke off, or was never acknowledged."""
    last = next((fact for fact in reversed(case.of(Failed)) if fact.step == "transfer"), None)
    if last is None or went_on(case, last):
        return None
    if _GONE in last.reason:
        says = f'It asked for "{last.file}", and then no longer listened: it was switched off, or began anew'
        return Diagnosis(Cause.TRANSFER_FAILED, says)
    if last.via == "TFTP" and not last.bytes:
        says = f'It asked for "{last.file}" by TFTP, and acknowledged nothing that was sent: {last.reason}'
        return diagnosis(Cause.TFTP_BLOCKED, says)
    broke = f'"{last.file}" broke off after {last.bytes:,} of {last.size:,} bytes'
    if last.via == "TFTP":
        return diagnosis(Cause.TRANSFER_FAILED, f"{broke} by TFTP: {last.reason}")
    if last.reason.startswith(_LEFT):
        mend = ("Was it switched off? Else the connection broke: look at cable, switch port and memory",)
        return Diagnosis(Cause.TRANSFER_FAILED, f"{broke} by HTTP: {last.reason}", mend)
    return diagnosis(Cause.FILE_FAILED, f"{broke}: {last.reason}")


def loader_silent(case: Case) -> Diagnosis | None:
    """It has fetched iPXE, and that is silent."""
    last = case.last(LoaderSent)
    if last is None or went_on(case, last) or still_waits(case):
        return None
    if any(isinstance(fact, Failed) for fact in case.facts[case.facts.index(last) + 1 :]):
        return None
    # A quick iPXE is heard of before the last acknowledgement of its file is.
    began = max((place for place, fact in enumerate(case.facts) if isinstance(fact, Offered)), default=0)
    if any(isinstance(fact, (ScriptOffered, ScriptSent)) for fact in case.facts[began:]):
        return None
    return diagnosis(
        Cause.LOADER_SILENT,
        f'It fetched "{last.file}" ({last.bytes:,} bytes) {case.silent:.0f} s ago, and the iPXE in it has not asked '
        "for anything: the firmware did not start it, or it does not get along with the card",
    )


def script_failed(case: Case) -> Diagnosis | None:
    """There was no script for it."""
    kinds = [fact for fact in case.facts if _breaks_the_script(fact)]
    if not kinds or went_on(case, kinds[-1]):
        return None
    last = kinds[-1]
    if isinstance(last, PluginFailed):
        return diagnosis(
            Cause.SCRIPT_FAILED,
            f"There was no answer for it: plugin {last.plugin!r}, hook {last.hook}: {last.reason}",
            "Mend what the plugin says; where an API is asked, see that it answers: pixiecore select --mac {mac}",
        )
    assert isinstance(last, Failed)
    return diagnosis(
        Cause.SCRIPT_FAILED,
        f"Its script could not be written: {last.reason}",
        "Mend the template or the command line; to try without a machine: pixiecore select --mac {mac}",
    )


def _breaks_the_script(fact: Fact) -> bool:
    return isinstance(fact, PluginFailed) or (isinstance(fact, Failed) and fact.step == "script")


def file_failed(case: Case) -> Diagnosis | None:
    """A file was not to be had."""
    last = next((fact for fact in reversed(case.of(Failed)) if fact.step == "file"), None)
    if last is None or went_on(case, last):
        return None
    return diagnosis(
        Cause.FILE_FAILED,
        f"A file that it needs is not to be had: {last.reason}",
        "Check the path or the URL, and that this host can read it: pixiecore fetch URL",
    )


def not_a_kernel(case: Case) -> Diagnosis | None:
    """What it was handed said so itself."""
    last = next((fact for fact in reversed(case.of(Noticed)) if fact.what in ("other-processor", "no-kernel")), None)
    if last is None or case.outcome is Outcome.BOOTED:
        return None
    return diagnosis(Cause.NOT_A_KERNEL, f"It {last.text}")


def step_failed(case: Case) -> Diagnosis | None:
    """Its iPXE reports what failed."""
    last = case.last(StepFailed)
    if last is None or case.outcome is Outcome.IGNORED or not_a_kernel(case) is not None or went_on(case, last):
        return None
    if any(isinstance(fact, Failed) for fact in case.facts[-4:]):
        return None
    error = ipxe_error(f"0x{last.number}")
    number = f" (ipxe.org/err/{error.page})" if error is not None else ""
    says = f"Its iPXE could not {doing(last.step)}: {last.problem}{number}"
    if error is None:
        return diagnosis(Cause.STEP_FAILED, says)
    cause = Cause.NOT_A_KERNEL if last.step != "disk" and error.row.number[:2] in ("2e", "7f") else Cause.STEP_FAILED
    because = f"; {error.row.cause}" if error.row.cause else ""
    return diagnosis(cause, says + because, error.row.mend[:1].upper() + error.row.mend[1:])


def stalled(case: Case) -> Diagnosis | None:
    """Where nothing else is known: it was on its way, and stopped."""
    if outcome_of(case) is not Outcome.STALLED or not case.has(ScriptSent, KernelSent, InitrdSent):
        return None
    last = next(fact for fact in reversed(case.facts) if isinstance(fact, (ScriptSent, KernelSent, InitrdSent)))
    steps: dict[type[Fact], str] = {
        ScriptSent: "its script",
        KernelSent: "its kernel",
        InitrdSent: "an initial RAM disk",
    }
    return diagnosis(Cause.STALLED, f"It has fetched {steps[type(last)]}, and nothing since, for {case.silent:.0f} s")

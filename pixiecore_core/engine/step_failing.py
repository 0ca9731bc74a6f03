"""What is done about a step of a script that failed: what its iPXE reports is understood, policy asked, a script made.

Pure but for the policy that it asks. Reports nothing: the caller does.
"""

from __future__ import annotations

from dataclasses import dataclass

from pixiecore_core.boot.script import after_failure
from pixiecore_core.engine.attempts import Attempts, Outcome
from pixiecore_core.engine.policy import Policy
from pixiecore_core.engine.words import doing
from pixiecore_core.firmware.ipxe_errors import UNKNOWN, IpxeError, ipxe_error
from pixiecore_core.models import GiveUp, Machine, Retry
from pixiecore_core.models.facts import Failed, Ignored, PluginFailed, StepFailed

_GOES_ON = "the firmware goes on to its next boot entry"
_LONGEST_PROBLEM = 200
"""Characters on the machine's screen."""
_NO_ERROR = IpxeError(0, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a report."""

    script: str
    """What iPXE does now."""
    fact: StepFailed | None
    """``None`` where the machine was refused its script, which has been told."""


@dataclass(frozen=True, slots=True)
class StepFailures:
    """Answers reports.

    :param policy: says whether to try again
    :param attempts: know what has happened so far
    """

    policy: Policy
    attempts: Attempts

    def answer(self, mac: str, step: str, errno: str, screen: str, again_url: str) -> Answer:
        """What a machine is told whose script has failed.

        :param step: which step (:data:`pixiecore_core.boot.script.STEP`)
        :param errno: iPXE's ``${errno}``, as it sent it
        :param screen: iPXE's ``${dmesg}``; empty where it has none
        :param again_url: leads it to its script once more
        """
        attempt = self.attempts.latest(mac)
        facts = attempt.facts if attempt is not None else []
        if step == "script" and attempt is not None and attempt.outcome is Outcome.IGNORED:
            last = next((fact for fact in reversed(facts) if isinstance(fact, Ignored)), None)
            why = last.told or last.reason if last is not None else "it is ignored"
            told = f"This machine is not to boot from here: {why}"
            return Answer(after_failure(told[:_LONGEST_PROBLEM], _GOES_ON, None, again_url), None)
        error = ipxe_error(errno) or _NO_ERROR
        ours = next((fact for fact in reversed(facts[-3:]) if isinstance(fact, (Failed, PluginFailed))), None)
        because = f", since {_told(ours)}" if step == "script" and ours is not None else ""
        failure = StepFailed(
            mac=mac,
            step=step,
            number=error.shown if error.number else "",
            problem=f"{error.row.name}{because}",
            failures=1 + (attempt.step_failures if attempt is not None else 0),
            screen=screen,
        )
        machine = attempt.machine if attempt is not None else Machine(mac=mac)
        next_step = self.policy.on_boot_failure(machine, failure, failure.failures)
        then, seconds = _words(next_step)
        number = f" (ipxe.org/err/{error.page})" if error.number else ""
        problem = f"Pixiecore: it could not {doing(step)}: {failure.problem[:_LONGEST_PROBLEM]}{number}"
        told_next = failure.model_copy(update={"then": then, "retry": seconds is not None, "wait": seconds or 0})
        return Answer(after_failure(problem, then, seconds, again_url), told_next)


def usual_answer(failure: StepFailed, failures: int, retries: int) -> Retry | GiveUp:
    """The core's own answer: try again what may pass, so often, and a little later each time.

    :param failures: how many steps have failed in this attempt
    :param retries: how often a machine tries again
    """
    error = ipxe_error(f"0x{failure.number}")
    passing = error is not None and error.row.passing
    if not passing or failures > retries:
        return GiveUp()
    seconds = 5 * failures
    return Retry(seconds=seconds, message=f"it tries again in {seconds} s ({failures} of {retries})")


def _told(fact: Failed | PluginFailed) -> str:
    """Why there was no script, for the machine's screen: what a plugin's failure says is for the log alone."""
    return f"plugin {fact.plugin!r} failed" if isinstance(fact, PluginFailed) else fact.reason


def _words(answer: Retry | GiveUp) -> tuple[str, int | None]:
    if isinstance(answer, Retry):
        return answer.message or f"it tries again in {answer.seconds} s", answer.seconds
    return answer.message or _GOES_ON, None

"""What a dry run came to: each plugin's answer, and what the machine boots; as text for people, as JSON for programs.

Words only: asks nobody. Hides passwords, and cuts sealed tokens out: nobody reads those, and these work nowhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

import click

from pixiecore_core.errors import PluginError
from pixiecore_core.hidden import without_secrets
from pixiecore_core.models import BootSpec, FileRef, Hold, Ignore, LocalDisk, Machine
from pixiecore_core.settings.spelling import spelled


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a machine does, and why."""

    outcome: Literal["boot", "local", "hold", "ignore", "failed"]
    reason: str = ""
    """Why it does not boot."""
    spec: BootSpec | None = None
    cmdline: str = ""
    script: str = ""

    def told(self) -> str:
        """In words."""
        script = "\n".join(f"  {line}" for line in self.script.splitlines())
        if self.outcome == "local":
            reason = f": {self.reason}" if self.reason else ""
            return f"\nIt goes to its disk{reason}\n\nScript:\n{script}"
        if self.spec is None:
            return f"\nIt {'waits' if self.outcome == 'hold' else 'does not boot'}: {self.reason}"
        script = f"\n\nScript:\n{script}" if script else "\n\nIts firmware starts it without a script."
        return f"\nIt boots:\n{_spec(self.spec)}\nCommand line:\n  {self.cmdline}{script}"


@dataclass(slots=True)
class Answers:
    """What plugins answered, in order; told at once, or kept for a document."""

    at_once: bool
    kept: list[dict[str, str]] = field(default_factory=list)

    def add(self, plugin: str, hook: str, answer: object) -> None:
        """Take one plugin's answer, or its failure, as it is given."""
        words = in_words(answer)
        self.kept.append({"hook": hook, "plugin": plugin, "answer": clean(words)})
        if self.at_once:
            say(f"  {hook:17}  {plugin:18}  {words}")


def document(machine: Machine, answers: Answers, verdict: Verdict) -> dict[str, Any]:
    """A dry run as JSON has it."""
    spec = verdict.spec
    known = {key: spelled(value) for key, value in machine if key != "architecture" and value not in (None, "", False)}
    made: dict[str, Any] = {
        "machine": {**known, "architecture": str(machine.architecture)},
        "answers": answers.kept,
        "outcome": verdict.outcome,
        "reason": verdict.reason or None,
        "kernel": spec.kernel.location if spec and spec.kernel else None,
        "efi": spec.efi.location if spec and spec.efi else None,
        "initrds": [ref.location for ref in spec.initrds] if spec else [],
        "dtb": spec.dtb.location if spec and spec.dtb else None,
        "files": {name: ref.location for name, ref in spec.files.items()} if spec else {},
        "message": (spec.message if spec else "") or None,
        "cmdline": verdict.cmdline if spec else None,
        "script": verdict.script or None,
    }
    cleaned: dict[str, Any] = _cleaned(made)
    return cleaned


def say(text: str) -> None:
    """Print *text*, cleaned."""
    click.echo(clean(text))


def clean(text: str) -> str:
    """*text* without passwords and tokens."""
    return re.sub(r"(name=|/_/folder/)[\w-]{40,}", r"\1…", without_secrets(text))


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case list():
            return [_cleaned(one) for one in value]
        case dict():
            return {clean(key): _cleaned(one) for key, one in value.items()}
    return value


def in_words(answer: object) -> str:
    """A plugin's answer."""
    match answer:
        case None:
            return "no opinion"
        case Ignore(reason=reason):
            return f"ignore it: {reason}"
        case LocalDisk(reason=reason):
            return f"start its disk: {reason}" if reason else "start its disk"
        case Hold(reason=reason):
            return f"let it wait: {reason}"
        case BootSpec():
            return "boot it"
        case PluginError(place=place) if place:
            return f"failed: {answer} ({place})"
        case Exception():
            return f"failed: {answer}"
        case str():
            return repr(answer) if "\n" not in answer else f"{len(answer.splitlines())} lines"
        case list():
            return "; ".join(in_words(one) for one in answer) or "no opinion"
        case dict():
            return ", ".join(f"{{{{ {name} }}}}" for name in answer)
    return str(answer)


def _spec(spec: BootSpec) -> str:
    lines = [_file("kernel", spec.kernel)] if spec.kernel else []
    lines += [_file("efi   ", spec.efi)] if spec.efi else []
    lines += [_file("initrd", ref) for ref in spec.initrds]
    lines += [_file("dtb   ", spec.dtb)] if spec.dtb else []
    lines += [f"  file     {name}: {ref.location}" for name, ref in spec.files.items()]
    lines += [f"  message  {spec.message}"] if spec.message else []
    lines += ["  a script of its own"] if spec.ipxe_script is not None else []
    return "\n".join(lines) + "\n"


def _file(what: str, ref: FileRef) -> str:
    return f"  {what}   {ref.location}"

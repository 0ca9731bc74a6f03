"""docs/reference/diagnoses.md: every diagnosis with its mend, and iPXE's error numbers, from their tables."""

from __future__ import annotations

from pixiecore_core.engine.case import Cause
from pixiecore_core.engine.mends import MEANINGS, MENDS
from pixiecore_core.firmware.ipxe_errors import ROWS

_INTRODUCTION = """# Diagnoses

What `pixiecore explain`, the page and `/_/v1/machines/MAC` call the reasons why a machine does not boot. The name of a
diagnosis does not change; its words may. Lines in a block are of a configuration; in them `{server}` is our address,
`{file}` the file that this machine's firmware is handed, and `{mac}` its address."""

_ERRORS = """## iPXE's error numbers

What a machine's iPXE reports when a step of its script fails: the first six digits, by which iPXE's website knows the
error too (`ipxe.org/err/` and these digits). Of an error that is not here by six digits the first two count. *Again*
says whether the same may work a moment later, so that the machine tries again (`--boot-retries`)."""


def page() -> str:
    """The page."""
    parts = [_INTRODUCTION]
    for cause in Cause:
        parts.append(f"## `{cause}`\n\n{MEANINGS[cause][:1].upper()}{MEANINGS[cause][1:]}.")
        if cause in MENDS:
            parts.append(_mend(MENDS[cause]))
    table = ["| number | what | usual cause | what to do | again |", "|---|---|---|---|---|"]
    table += [
        f"| `{row.number}` | {row.name} | {row.cause} | {row.mend} | {'yes' if row.passing else ''} |" for row in ROWS
    ]
    parts += [_ERRORS, "\n".join(table)]
    return "\n\n".join(parts) + "\n"


def _mend(lines: tuple[str, ...]) -> str:
    """Lines as a list, with blocks for what is to be copied."""
    told: list[str] = []
    for line in lines:
        if line.startswith("    "):
            told.append(f"      {line.strip()}")
            continue
        if told and told[-1].startswith("      "):
            told.append("")
        told.append(f"  - {line.strip()}" if line.startswith("  ") else f"- {line}")
    spaced: list[str] = []
    for line in told:
        if line.startswith("      ") and spaced and not spaced[-1].startswith("      "):
            spaced.append("")
        spaced.append(line)
    return "\n".join(spaced)

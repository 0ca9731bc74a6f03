"""docs/reference/events.md: what an event says, which kinds there are, and what is counted."""

from __future__ import annotations

from pixiecore_core import Event, EventKind
from pixiecore_core.models import facts
from pixiecore_core.observe.metrics import Metrics

from .prose import documented, one_line

_INTRODUCTION = """# Events and counts

Generated from the code by `tools/write-reference`; do not edit.

Each step of each machine is an event. It becomes a line of the log, an entry of the machine's timeline (`/` and
`/_/status`), a count, and what plugins hear in [`on_event`](hooks.md). The latest 50 events of each of the latest 2000
machines are remembered, in memory."""
_LOG = """## Log lines

`[SUBSYSTEM] message`, warnings with `warning:` and errors with `error:` before the message; `--log-timestamps` puts
the time before it. `--debug` adds what was ignored and why. With `--log-format json` each line is an object with
`event`, `level`, `timestamp`, `subsystem`, and for an event also `kind`, `mac` and its details."""
_COUNTS = """## Counts

`/_/metrics`, in the Prometheus text format. All begin at 0 when Pixiecore starts."""


def page() -> str:
    """The page."""
    parts = [_INTRODUCTION, "## Events", _fields(), "## Kinds", _kinds(), _LOG, _COUNTS, _counts()]
    return "\n\n".join(parts) + "\n"


def _fields() -> str:
    rows = ["| field | what |", "|---|---|"]
    for name, field in Event.model_fields.items():
        if not field.description:
            raise LookupError(f"Event.{name} has no description")
        rows.append(f"| `{name}` | {one_line(field.description)} |")
    return "\n".join(rows)


def _kinds() -> str:
    words = documented(facts)
    rows = ["| kind | what happened, and how its line begins, for a machine M |", "|---|---|"]
    return "\n".join([*rows, *(f"| `{kind}` | {one_line(words[f'EventKind.{kind.name}'])} |" for kind in EventKind)])


def _counts() -> str:
    rows = ["| name | labels | counts |", "|---|---|---|"]
    for family in Metrics().collect():
        labels = ", ".join(f"`{label}`" for label in family._labelnames)
        rows.append(f"| `{family.name}_total` | {labels} | {one_line(family.documentation)} |")
    return "\n".join(rows)

"""docs/reference/events.md: which facts there are, what each says, and what is counted."""

from __future__ import annotations

from prometheus_client.metrics_core import Metric

from pixiecore_core.engine.attempts import FACTS_OF_ONE, MACHINES
from pixiecore_core.models.facts import FACTS, Fact, kind_of
from pixiecore_core.observe.metrics import Metrics

from .prose import one_line, prose

_INTRODUCTION = f"""# Facts and counts

Each step of each machine is a fact. It becomes a line of the log, an entry of the machine's timeline (`/` and
`/_/status`), a count, and what plugins hear in [`on_event`](hooks.md#on_eventfact-sentence). The latest {FACTS_OF_ONE}
facts of a machine's boot attempt and of the one before, of at most {MACHINES:,} machines, are remembered, in memory.

In the JSON of `/_/status` a fact is an object with the fields below, `kind`, `mac`, `at` (seconds since the epoch),
`subsystem` and `message`, its log line. A plugin finds the same fields as attributes."""
_LOG = """## Log lines

`[SUBSYSTEM] message`, warnings with `warning:` and errors with `error:` before the message; `--log-timestamps` puts
the time before it. `--debug` adds what was ignored and why. With `--log-format json` each line is an object with
`event`, `level`, `timestamp`, `subsystem`, and for a fact also `kind`, `mac` and what else it says."""
_COUNTS = """## Counts

`/_/metrics`, in the Prometheus text format. Counters begin at 0 when Pixiecore starts. Those in seconds,
but for the uptime, are histograms: `_bucket`, `_sum` and `_count` are behind their names."""


def page() -> str:
    """The page."""
    facts = [part for fact in FACTS for part in _fact(fact)]
    parts = [_INTRODUCTION, "## Facts", "In the order of a boot.", *facts, _LOG, _COUNTS, _counts()]
    return "\n\n".join(parts) + "\n"


def _fact(fact: type[Fact]) -> list[str]:
    if not fact.__doc__:
        raise LookupError(f"{fact.__name__} has no docstring")
    parts = [f"### `{fact.__name__}`", f"`{kind_of(fact)}`: {prose(' '.join(fact.__doc__.split()))}"]
    fields = {name: field for name, field in fact.model_fields.items() if name not in Fact.model_fields}
    if fields:
        rows = ["| field | what |", "|---|---|"]
        for name, field in fields.items():
            if not field.description:
                raise LookupError(f"{fact.__name__}.{name} has no description")
            rows.append(f"| `{name}` | {one_line(field.description)} |")
        parts.append("\n".join(rows))
    return parts


_ENDINGS = {"counter": "_total", "gauge": "", "histogram": ""}


def labels_of(family: Metric) -> tuple[str, ...]:
    """The names of its labels, which prometheus_client keeps to itself."""
    return tuple(getattr(family, "_labelnames", ()))


def _counts() -> str:
    rows = ["| name | labels | counts |", "|---|---|---|"]
    for family in Metrics().registry.collect():
        labels = ", ".join(f"`{label}`" for label in labels_of(family))
        rows.append(f"| `{family.name}{_ENDINGS[family.type]}` | {labels} | {one_line(family.documentation)} |")
    return "\n".join(rows)

"""Shows what each machine did lately: a page for a person, JSON for a program, counts for Prometheus.

Read-only, and needs no script in the browser. Shows facts that are remembered; changes nothing. Machines are
written one by one, with the event loop let go in between.
"""

from __future__ import annotations

import html
import json
import time
from collections.abc import Callable, Iterator, Sequence

import gevent
from werkzeug.wrappers import Request, Response

from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.engine.words import sentence, subsystem
from pixiecore_core.models import normalise_mac
from pixiecore_core.models.facts import Fact
from pixiecore_core.observe.metrics import Metrics

READERS = 8
"""At once; more are asked to come again."""
MACHINES = 100
"""How many are shown unless more are asked for."""

PAGE_PATH = "/"
"""The timelines of the 100 machines heard of last, for people."""
STATUS_PATH = "/_/status"
"""The same as JSON: ``{"machines": {MAC: [fact, …]}}``, the one heard of last first. In the query ``machines`` is how
many, or ``all`` of the 10,000 that are remembered; ``mac`` is only this one."""
METRICS_PATH = "/_/metrics"
"""Counts, in the Prometheus text format."""
HEALTH_PATH = "/_/healthz"
"""``ok``, as long as the server answers at all: for a probe. Says nothing else, so anyone may ask, under any name."""

_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>Pixiecore</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { font: bold 1rem ui-monospace, monospace; margin-bottom: .2rem; }
ol { list-style: none; padding: 0; margin: 0 0 1.5rem; }
time { color: #777; margin-right: .8em; }
.failed, .plugin-failed, .refused { color: #b00020; }
</style>
<h1>Pixiecore</h1>
"""


HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What a browser must let no other page do with ours: frame it, embed it, read it; and it runs no script."""


class _Readers:
    """Those whom the page or the JSON is being written for: few, since for each all machines may be gone through."""

    def __init__(self) -> None:
        self._number = 0

    def serve(self, body: Iterator[str], content_type: str) -> Response:
        """*body*, or a request to ask again soon."""
        if self._number >= READERS:
            headers = {**HEADERS, "Retry-After": "1"}
            return Response("too many are reading this; ask again\n", 503, headers, content_type="text/plain")
        return Response(self._counted(body), 200, HEADERS, content_type=content_type)

    def _counted(self, body: Iterator[str]) -> Iterator[str]:
        self._number += 1
        try:
            yield from body
        finally:
            self._number -= 1


def pages(attempts: Attempts) -> dict[str, Callable[[Request], Response]]:
    """The pages that show machines, by path."""
    readers = _Readers()
    return {
        PAGE_PATH: lambda request: readers.serve(_page(attempts), "text/html; charset=utf-8"),
        STATUS_PATH: lambda request: _status(attempts, readers, request),
    }


def counts(metrics: Metrics) -> dict[str, Callable[[Request], Response]]:
    """The pages that name no machine, by path."""
    return {
        HEALTH_PATH: lambda request: Response("ok\n", headers=HEADERS, content_type="text/plain; charset=utf-8"),
        METRICS_PATH: lambda request: Response(
            metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8"
        ),
    }


def _status(attempts: Attempts, readers: _Readers, request: Request) -> Response:
    try:
        macs = _chosen(attempts, request)
    except ValueError as error:
        return Response(f"{error}\n", 400, HEADERS, content_type="text/plain; charset=utf-8")
    return readers.serve(_json(attempts, macs), "application/json")


def _chosen(attempts: Attempts, request: Request) -> Sequence[str]:
    """The machines that are asked for, the latest heard of first.

    :raises ValueError: the query does not say which
    """
    mac, number = request.args.get("mac"), request.args.get("machines", str(MACHINES))
    if mac is not None:
        return [normalise_mac(mac)]
    if number == "all":
        return attempts.machines()
    if not number.isascii() or not number.isdecimal() or len(number) > 9:
        raise ValueError("machines is a number, or 'all'")
    return attempts.machines()[: int(number)]


def _json(attempts: Attempts, macs: Sequence[str]) -> Iterator[str]:
    yield '{"machines": {'
    comma = ""
    for mac, facts in _timelines(attempts, macs):
        yield f"{comma}\n{json.dumps(mac)}: [{', '.join(map(_as_json, facts))}]"
        comma = ","
    yield "\n}}\n"


def _page(attempts: Attempts) -> Iterator[str]:
    yield _HEAD
    macs = attempts.machines()
    if not macs:
        yield "<p>No machine has asked to boot yet.</p>\n"
    for mac, facts in _timelines(attempts, macs[:MACHINES]):
        yield f"<h2>{html.escape(mac)}</h2>\n<ol>{''.join(map(_item, facts))}</ol>\n"
    more = len(macs) - MACHINES
    if more > 0:
        yield f'<p>{more} more asked earlier: <a href="/_/status?machines=all">all, as JSON</a>.</p>\n'
    yield "</html>\n"


def _timelines(attempts: Attempts, macs: Sequence[str]) -> Iterator[tuple[str, list[Fact]]]:
    """Those that are still remembered when their turn comes; other greenlets run between them."""
    for mac in macs:
        facts = attempts.facts(mac)
        if facts:
            yield mac, facts
            gevent.sleep(0)


def _as_json(fact: Fact) -> str:
    """A fact, with its sentence and who says it."""
    return json.dumps(fact.model_dump(mode="json") | {"subsystem": subsystem(fact), "message": sentence(fact)})


def _item(fact: Fact) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(fact.at))
    return f'<li class="{fact.kind}"><time>{clock}</time>{html.escape(sentence(fact))}</li>'

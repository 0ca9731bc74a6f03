"""The facts of each machine as JSON, counts for Prometheus, and a word for probes.

Read-only. Machines are written one by one, with the event loop let go in between.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import gevent
from werkzeug.wrappers import Request, Response

from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.engine.words import sentence, subsystem
from pixiecore_core.models import normalise_mac
from pixiecore_core.models.facts import Fact
from pixiecore_core.observe.metrics import Metrics
from pixiecore_core.web.headers import HEADERS
from pixiecore_core.web.views import bare

READERS = 8
"""At once; more are asked to come again."""
MACHINES = 100
"""How many are shown unless more are asked for."""

STATUS_PATH = "/_/status"
"""Machines' facts as JSON: ``{"machines": {MAC: [fact, …]}}``, the one heard of last first. In the query ``machines``
is how many (100 if not given), or ``all`` of the 10,000 that are remembered; ``mac`` is only this one."""
METRICS_PATH = "/_/metrics"
"""Counts, in the Prometheus text format."""
HEALTH_PATH = "/_/healthz"
"""``ok``, as long as the server answers at all: for a probe. Says nothing else, so anyone may ask, under any name."""


class _Readers:
    """Those whom it is being written for: few, since for each all machines may be gone through."""

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


def pages(
    attempts: Attempts, full: Callable[[Request], bool] = lambda request: True
) -> dict[str, Callable[[Request], Response]]:
    """The page that shows machines, by its path.

    :param full: whether whoever asks may see names of files, URLs and what people wrote
    """
    readers = _Readers()
    return {STATUS_PATH: lambda request: _status(attempts, readers, request, full(request))}


def counts(metrics: Metrics) -> dict[str, Callable[[Request], Response]]:
    """The pages that name no machine, by path."""
    return {
        HEALTH_PATH: lambda request: Response("ok\n", headers=HEADERS, content_type="text/plain; charset=utf-8"),
        METRICS_PATH: lambda request: Response(
            metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8"
        ),
    }


def _status(attempts: Attempts, readers: _Readers, request: Request, full: bool) -> Response:
    try:
        macs = _chosen(attempts, request)
    except ValueError as error:
        return Response(f"{error}\n", 400, HEADERS, content_type="text/plain; charset=utf-8")
    return readers.serve(_json(attempts, macs, full), "application/json")


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


def _json(attempts: Attempts, macs: Sequence[str], full: bool) -> Iterator[str]:
    yield '{"machines": {'
    comma = ""
    for mac, facts in _timelines(attempts, macs):
        yield f"{comma}\n{json.dumps(mac)}: [{', '.join(_as_json(fact if full else bare(fact)) for fact in facts)}]"
        comma = ","
    yield "\n}}\n"


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

"""The status pages: which machines they show, and that a long one holds up nothing."""

from __future__ import annotations

import time
from itertools import pairwise

import gevent
import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from pixiecore_core.engine.attempts import FACTS_OF_ONE, Attempts
from pixiecore_core.engine.words import sentence, subsystem
from pixiecore_core.models.facts import Ignored
from pixiecore_core.web.status import pages


def mac(number: int) -> str:
    return f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}"


def attempts(machines: int, facts: int = 1) -> Attempts:
    attempts = Attempts()
    for number in range(machines):
        for _ in range(facts):
            attempts.add(Ignored(stage="dhcp", reason="a <b> of a reason", mac=mac(number)))
    return attempts


def get(known: Attempts, path: str) -> Response:
    request = Request(EnvironBuilder(path).get_environ())
    return pages(known)[request.path](request)


def machines(known: Attempts, query: str = "") -> list[str]:
    answer = get(known, f"/_/status{query}").get_json()
    assert list(answer) == ["machines"]
    return list(answer["machines"])


def test_status_shows_the_hundred_machines_heard_of_last() -> None:
    assert machines(attempts(150)) == [mac(number) for number in range(149, 49, -1)]


@pytest.mark.parametrize(("query", "shown"), [("?machines=2", 2), ("?machines=0", 0), ("?machines=500", 150)])
def test_status_shows_as_many_as_asked_for(query: str, shown: int) -> None:
    assert machines(attempts(150), query) == [mac(number) for number in range(149, 149 - shown, -1)]


def test_status_shows_all_or_one() -> None:
    told = attempts(150, facts=2)
    assert len(machines(told, "?machines=all")) == 150
    assert machines(told, "?mac=52-54-00-00-00-05") == [mac(5)]
    assert machines(told, "?mac=52:54:00:99:99:99") == []
    (facts,) = get(told, f"/_/status?mac={mac(5)}").get_json()["machines"].values()
    words = [{"subsystem": subsystem(fact), "message": sentence(fact)} for fact in told.facts(mac(5))]
    assert facts == [fact.model_dump(mode="json") | said for fact, said in zip(told.facts(mac(5)), words, strict=True)]


@pytest.mark.parametrize("query", ["?machines=-1", "?machines=many", "?machines=", "?machines=²", "?mac=rubbish"])
def test_status_refuses_what_it_does_not_understand(query: str) -> None:
    assert get(attempts(1), f"/_/status{query}").status_code == 400


def test_others_run_while_it_is_written() -> None:
    """Whole, the largest takes most of a second."""
    full = attempts(2000, FACTS_OF_ONE)
    turns = []

    def turn() -> None:
        while True:
            turns.append(time.perf_counter())
            gevent.sleep(0)

    turning = gevent.spawn(turn)
    get(full, "/_/status?machines=all").get_data()
    turning.kill()
    assert len(turns) > 90
    assert max(later - earlier for earlier, later in pairwise(turns)) < (turns[-1] - turns[0]) / 3, "in small parts"

"""What a machine is explained with, of all that is known of a network."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest

from pixiecore_core.engine.attempts import Attempt
from pixiecore_core.engine.neighbour_mends import Problem
from pixiecore_core.engine.neighbours import Neighbour, News, Surroundings
from pixiecore_core.models import Client, Machine
from pixiecore_core.models.facts import Offered
from pixiecore_core.web.views import case_of

MAC = "52:54:00:12:34:56"


def attempt(*times: float, **known: Any) -> Attempt:
    facts = [Offered(mac=MAC, at=at, stage="dhcp", client=Client.PXE) for at in times]
    return Attempt(Machine(mac=MAC, **known), facts=[*facts])


@pytest.mark.parametrize(
    ("asked", "now", "known"),
    [
        (attempt(100.0, 104.0), 110.0, False),
        (attempt(100.0, relay=IPv4Address("192.0.2.1")), 110.0, None),
        (attempt(100.0), 90.0, None),
        (attempt(100.0, 70.0), 110.0, None),
        (attempt(), 110.0, None),
    ],
    ids=["beside us", "behind a relay", "the clock was set back", "the clock was set back on the way", "no facts"],
)
def test_whether_it_is_known_that_no_dhcp_server_offered_an_address(
    asked: Attempt, now: float, known: bool | None
) -> None:
    around = Surroundings((), lambda mac, seconds: False)
    assert case_of(MAC, asked, now, around).gave_address is known


def test_what_spoils_boots_on_another_interface_is_not_its_concern() -> None:
    news = [
        News(Neighbour("192.0.2.9", name), Problem.SECOND_PROXY, f"a proxy on {name}") for name in ("eth0", "eth1", "")
    ]
    around = Surroundings(news)
    case = case_of(MAC, attempt(100.0, interface="eth1"), 110.0, around)
    assert [one.neighbour.interface for one in case.neighbours] == ["eth1", ""]
    assert len(case_of(MAC, None, 110.0, around).neighbours) == 3

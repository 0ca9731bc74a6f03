"""Names under which pages for people are shown: a web page elsewhere whose name has our address reads nothing."""

from __future__ import annotations

import gevent
import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from pixiecore_core.web.hosts import OurHosts, names_of_this_host


def asked(host: str | None) -> Request:
    environ = EnvironBuilder("/").get_environ()
    del environ["HTTP_HOST"]
    return Request(environ if host is None else environ | {"HTTP_HOST": host})


def hosts(*allowed: str) -> OurHosts:
    made = OurHosts(allowed, look_up=lambda: {"pxe", "pxe.local", "pxe.example.com"})
    made.refresh()
    gevent.sleep(0)
    return made


@pytest.mark.parametrize(
    "host",
    [
        *(None, "", "192.0.2.2", "192.0.2.2:8080", "[2001:db8::1]", "[2001:db8::1]:80", "127.0.0.1"),
        *("localhost", "LocalHost:8080", "pxe", "pxe.example.com.", "PXE.local:80", "boot.example.org"),
    ],
)
def test_addresses_and_names_of_ours(host: str | None) -> None:
    assert hosts("boot.example.org").refusal(asked(host)) is None


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "pxe.evil.example", "localhost.evil.example", "1.2.3", "[x]", "[::1", "."],
)
def test_other_names_are_refused(host: str) -> None:
    refusal = hosts("boot.example.org").refusal(asked(host))
    assert (refusal is None) == (host == ".")
    if refusal is not None:
        assert refusal.status_code == 421
        assert "--allow-host" in refusal.get_data(as_text=True)


def test_names_are_looked_up_again_at_most_once_a_minute() -> None:
    now, asked_for = [0.0], []
    made = OurHosts(look_up=lambda: asked_for.append(1) or {"pxe"}, clock=lambda: now[0])  # type: ignore[func-returns-value]
    for _ in range(3):
        made.refusal(asked("pxe"))
        made.refusal(asked("evil.example"))
        gevent.sleep(0)
    assert made.refusal(asked("pxe")) is None
    assert len(asked_for) == 1
    now[0] = 61.0
    made.refusal(asked("evil.example"))
    gevent.sleep(0)
    assert len(asked_for) == 2


def test_this_hosts_own_names() -> None:
    assert all(name == name.lower() for name in names_of_this_host())

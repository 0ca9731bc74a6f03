"""Who may see the status page: under which name, from where, with which token."""

from __future__ import annotations

import base64

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.engine.words import sentence
from pixiecore_core.observe.bus import Bus
from pixiecore_core.web import status
from pixiecore_core.web.guards import Guard
from pixiecore_core.web.hosts import OurHosts

TOKEN = b"0123456789abcdef"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def get(guard: Guard, path: str = "/_/status", address: str = "192.0.2.7", **headers: str) -> Response:
    builder = EnvironBuilder(path, base_url="http://192.0.2.2/", headers=headers)
    request = Request(builder.get_environ() | {"REMOTE_ADDR": address})
    return guard.around(status.pages(Attempts()))[request.path](request)


def guard(token: bytes | None = None, this_host_only: bool = False) -> tuple[Guard, list[str]]:
    bus, told = Bus(), list[str]()
    bus.subscribe(lambda fact, words: told.append(sentence(fact)))
    return Guard(OurHosts(look_up=lambda: ()), bus, token, this_host_only), told


@pytest.mark.parametrize("path", ["/_/status"])
def test_no_page_is_shown_under_a_strangers_name(path: str) -> None:
    assert get(guard()[0], path).status_code == 200
    assert get(guard()[0], path, Host="evil.example").status_code == 421


@pytest.mark.parametrize(("address", "expected"), [("127.0.0.1", 200), ("127.8.8.8", 200), ("192.0.2.7", 403)])
def test_for_this_host_alone(address: str, expected: int) -> None:
    assert get(guard(this_host_only=True)[0], address=address).status_code == expected


@pytest.mark.parametrize(
    "authorization",
    [f"Bearer {TOKEN.decode()}", f"bearer {TOKEN.decode()}", basic("", TOKEN.decode()), basic("me", TOKEN.decode())],
)
def test_the_token_opens(authorization: str) -> None:
    asked, told = guard(TOKEN)
    assert get(asked, Authorization=authorization).status_code == 200
    assert told == []


@pytest.mark.parametrize(
    "authorization",
    [
        *("Bearer", "Bearer x", f"Bearer {TOKEN.decode()}x", f"Bearer {TOKEN.decode()[:-1]}", TOKEN.decode()),
        *("Basic", "Basic !", basic(TOKEN.decode(), ""), basic("me", "wrong"), basic("me", "wröng"), "Bearer \xe9"),
        *("Basic \xe9", f"Digest {TOKEN.decode()}", f'Digest password="{TOKEN.decode()}"', ""),
    ],
)
def test_nothing_else_does(authorization: str) -> None:
    answer = get(guard(TOKEN)[0], Authorization=authorization)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic "), "a browser asks its user"
    assert TOKEN.decode() not in answer.get_data(as_text=True)


def test_a_wrong_token_is_told_with_the_address_and_none_is_not() -> None:
    asked, told = guard(TOKEN)
    assert get(asked).status_code == 401
    assert told == []
    get(asked, Authorization="Bearer wrong")
    assert told == ["No page for 192.0.2.7: it sent a wrong token"]


@pytest.mark.parametrize("path", ["/_/status", "/_/status?machines=-1"])
def test_a_browser_lets_no_other_page_use_ours(path: str) -> None:
    headers = get(guard()[0], path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; base-uri 'none'")
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in headers

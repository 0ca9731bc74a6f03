"""Where redirects may lead. Loopback has to stand in for the world: 127.0.0.1 is made out to be any server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pixiecore_core.errors import BootFileError
from pixiecore_core.files import reach
from pixiecore_core.files.reach import kind
from pixiecore_core.files.upstream import Upstream
from tests.files.web import Page, Site, serving

REFUSED = r"redirects to 127\.0\.0\.2, a loopback address, which only a URL of your own may lead to"


@pytest.fixture
def inner() -> Iterator[Site]:
    """A server of this host's own, which outsiders cannot reach."""
    with serving("127.0.0.2") as site:
        site.put("/secret", Page(b"secret"))
        yield site


@pytest.fixture
def world(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A server somewhere."""
    monkeypatch.setattr(reach, "kind", lambda address: None if address == "127.0.0.1" else kind(address))
    return site


def redirect(site: Site, path: str, target: str) -> str:
    return site.put(path, Page(status=302, headers={"Location": target}))


def fetched(url: str, upstream: Upstream | None = None) -> int:
    answer = (upstream or Upstream()).get(url)
    answer.close()
    return answer.status


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("127.0.0.1", "a loopback address"),
        ("127.9.9.9", "a loopback address"),
        ("::1", "a loopback address"),
        ("::ffff:127.0.0.1", "a loopback address"),
        ("169.254.169.254", "a link-local address"),
        ("fe80::1", "a link-local address"),
        ("fe80::1%eth0", "a link-local address"),
        ("0.0.0.0", "an unspecified address"),
        ("::", "an unspecified address"),
        ("224.0.0.1", "a multicast address"),
        ("ff02::1", "a multicast address"),
        ("fd00:ec2::254", "a cloud's metadata"),
        ("100.100.100.200", "a cloud's metadata"),
        ("192.0.2.1", None),
        ("10.0.0.1", None),
        ("fd00::1", None),
    ],
)
def test_what_is_special_about_an_address(address: str, what: str | None) -> None:
    assert kind(address) == what


def test_a_server_may_not_send_us_to_our_own_loopback(world: Site, inner: Site) -> None:
    with pytest.raises(BootFileError, match=REFUSED):
        fetched(redirect(world, "/file", f"{inner.base}/secret"))
    assert inner.asked == [], "nothing was asked there"


def test_nor_after_a_detour(world: Site, inner: Site) -> None:
    redirect(world, "/further", f"{inner.base}/secret")
    with pytest.raises(BootFileError, match=REFUSED):
        fetched(redirect(world, "/file", "/further"))
    assert inner.asked == []


def test_nor_over_a_connection_that_was_opened_for_an_operator(world: Site, inner: Site) -> None:
    upstream = Upstream()
    assert fetched(f"{inner.base}/secret", upstream) == 200
    with pytest.raises(BootFileError, match=REFUSED):
        fetched(redirect(world, "/file", f"{inner.base}/secret"), upstream)
    assert len(inner.asked) == 1


def test_a_name_is_judged_by_where_it_leads(world: Site, inner: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it was a moment before."""
    from urllib3.util import connection

    make = connection.create_connection
    monkeypatch.setattr(
        connection,
        "create_connection",
        lambda address, *more, **options: make(
            ("127.0.0.2", address[1]) if address[0] == "rebound.example" else address, *more, **options
        ),
    )
    port = inner.base.rpartition(":")[2]
    with pytest.raises(BootFileError, match=REFUSED):
        fetched(redirect(world, "/file", f"http://rebound.example:{port}/secret"))
    assert inner.asked == []


def test_redirects_elsewhere_are_followed(world: Site) -> None:
    world.put("/there", Page(b"file"))
    assert fetched(redirect(world, "/file", f"{world.base}/there")) == 200


def test_from_loopback_to_loopback_is_a_developers_own_business(site: Site, inner: Site) -> None:
    assert fetched(redirect(site, "/file", f"{inner.base}/secret")) == 200


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.2/x", "gopher://127.0.0.2/x", "data:,x"])
def test_only_http_is_followed(world: Site, target: str) -> None:
    with pytest.raises(BootFileError):
        fetched(redirect(world, "/file", target))

"""Where a redirect may lead: not to this host's own loopback, nor to what only this link or this cloud machine has.

What an operator names is fetched from wherever it is; what another server redirects us to is not, or it could have us
read what it cannot reach itself. Judged by the address that the connection was made to, so that no name can have
another one by then, and before the request is sent. Through a proxy, the proxy decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

_CLOUD = {"100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"}
"""Where Alibaba, Azure, Oracle and AWS tell a machine its secrets; the others do so on a link-local address."""


class Forbidden(ValueError):
    """A redirect leads to an address that only a URL of an operator's may have; nothing was asked there."""


def kind(address: str) -> str | None:
    """What is special about where *address* is, in words; ``None`` if any server may send us there."""
    found: IPv4Address | IPv6Address = ip_address(address)
    found = getattr(found, "ipv4_mapped", None) or found
    if str(found) in _CLOUD:
        return "a cloud's metadata"
    kinds = {
        "a loopback": found.is_loopback,
        "a link-local": found.is_link_local,
        "an unspecified": found.is_unspecified,
        "a multicast": found.is_multicast,
    }
    return next((f"{name} address" for name, holds in kinds.items() if holds), None)


class _Noting:
    """A connection that knows where it leads."""

    sock: Any
    peer: str | None = None

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.peer = self.sock.getpeername()[0]


class _Wary(_Noting):
    """A connection that nothing is sent on if it leads where a redirect may not."""

    def connect(self) -> None:
        super().connect()
        if self.peer is not None and (what := kind(self.peer)):
            self.close()  # type: ignore[attr-defined]
            raise Forbidden(f"it redirects to {self.peer}, {what}, which only a URL of your own may lead to")


class _Adapter(HTTPAdapter):
    """Makes connections of these classes."""

    def __init__(self, connection: type[_Noting]) -> None:
        self._pools = {
            "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": type("C", (connection, HTTPConnection), {})}),
            "https": type(
                "Pool", (HTTPSConnectionPool,), {"ConnectionCls": type("C", (connection, HTTPSConnection), {})}
            ),
        }
        super().__init__(pool_maxsize=64)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = super().build_response(req, resp)
        # A redirect's connection is given back before it is followed.
        vars(response)["peer"] = getattr(resp.connection, "peer", None)
        return response


def _prepare(session: requests.Session, connection: type[_Noting], redirects: int) -> None:
    session.max_redirects = redirects
    # One machine's cookies do not concern another.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _Adapter(connection)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)


class OutwardSession(requests.Session):
    """Goes wherever it is told, and follows redirects only to where any server may send us; or anywhere from a URL that
    itself led to such an address, as everything does on a developer's own host.

    :param redirects: how many may follow one another
    """

    def __init__(self, redirects: int) -> None:
        super().__init__()
        _prepare(self, _Noting, redirects)
        self._following = requests.Session()
        _prepare(self._following, _Wary, redirects)

    def resolve_redirects(
        self, resp: requests.Response, req: requests.PreparedRequest, *args: Any, **options: Any
    ) -> Iterator[requests.Response]:
        """As requests has it."""
        peer: str | None = vars(resp).get("peer")
        named_special = peer is not None and kind(peer) is not None
        follow = super().resolve_redirects if named_special else self._following.resolve_redirects
        yield from follow(resp, req, *args, **options)

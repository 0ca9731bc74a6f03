"""Who may see the status page and its JSON: under which name, from where, with which token. Shows nothing itself."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

from werkzeug.wrappers import Request, Response

from pixiecore_core.models.facts import Refused
from pixiecore_core.net.site import Page, text
from pixiecore_core.observe.bus import Bus
from pixiecore_core.web.hosts import OurHosts

_CHALLENGE = 'Basic realm="Pixiecore", charset="UTF-8", Bearer realm="Pixiecore"'
"""Browsers ask their user for a name and a password, and only for Basic; programs send what they were given."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What is asked of whoever wants to see a page.

    :param token: what must be sent along, if anything
    :param this_host_only: whether only requests from a loopback address are answered
    """

    hosts: OurHosts
    bus: Bus
    token: bytes | None = None
    this_host_only: bool = False

    def knows(self, request: Request) -> bool:
        """Whether whoever asks may see all of it: from this host, or with the token."""
        sent = _token(request) if self.token is not None else None
        trusted = sent is not None and self.token is not None and hmac.compare_digest(sent, self.token)
        return trusted or ip_address(request.remote_addr or "0.0.0.0").is_loopback

    def sent_bearer(self, request: Request) -> bool:
        """Whether a request has the token as a bearer token, which no browser sends by itself."""
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        if self.token is None or scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(sent.strip().encode("utf-8", "backslashreplace"), self.token)

    def around(self, pages: Mapping[str, Page]) -> dict[str, Page]:
        """*pages*, guarded."""
        return {path: partial(self._answer, page) for path, page in pages.items()}

    def _answer(self, page: Page, request: Request) -> Response:
        return self.hosts.refusal(request) or self._refusal(request) or page(request)

    def _refusal(self, request: Request) -> Response | None:
        address = request.remote_addr or ""
        if self.this_host_only and not ip_address(address).is_loopback:
            return text(403, "this page is for this host alone (--status loopback): ask http://127.0.0.1/ on it")
        if self.token is None:
            return None
        sent = _token(request)
        if sent is not None and hmac.compare_digest(sent, self.token):
            return None
        if sent is not None:
            self.bus.report(Refused(via="HTTP", what="page", source=address, reason="it sent a wrong token"))
        if sent is not None and request.method == "POST":
            return text(403, "wrong token")  # to a 401, a browser would ask for another by itself, or forget its own
        refusal = text(401, "send the token of --status-token-file: as a bearer token, or as the password of any user")
        refusal.headers["WWW-Authenticate"] = _CHALLENGE
        return refusal


def _token(request: Request) -> bytes | None:
    """What a request carries as a token; ``None`` for nothing."""
    try:
        sent = request.authorization
    except ValueError:
        return b""  # werkzeug's word for letters outside of ASCII after "Basic"
    if sent is None:
        return None
    token = sent.token if sent.type == "bearer" else sent.password if sent.type == "basic" else None
    return token.encode("utf-8", "backslashreplace") if token is not None else None

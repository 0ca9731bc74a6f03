"""The requests session that talks to the API: keeps connections, keeps no cookies, and keeps secrets from other hosts.

Where a redirect leads to another host, neither the token nor what is known about the machine goes along. Knows nothing
about answers.
"""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests

from pixiecore_api_booter.connections import WatchedAdapter
from pixiecore_api_booter.identity import HEADER_PREFIX
from pixiecore_core import __version__


class RedirectRefused(requests.RequestException):
    """A redirect would carry what a request says about a machine to another host."""


class ApiSession(requests.Session):
    """A session for one API, used by many threads at once."""

    def __init__(self) -> None:
        super().__init__()
        # Machines must not share what a server sets for one of them.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # An answer is small. Not compressed, the bytes that arrive are the bytes that are read.
        self.headers.update(
            {
                "User-Agent": f"pixiecore/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            }
        )
        self.max_redirects = 10  # as Go's client
        self.hooks["response"].append(_leave_redirect_unread)
        for scheme in ("http://", "https://"):
            self.mount(scheme, WatchedAdapter())

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """requests takes ``Authorization`` off a redirect to another host; so do we with facts about the machine.

        :raises RedirectRefused: it is in the body
        """
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call]
        before, after = response.request.url, prepared_request.url
        if not self.should_strip_auth(before, after):  # type: ignore[no-untyped-call]
            return
        if prepared_request.body:
            raise RedirectRefused(f"it redirects to another server, {after}")
        for name in [name for name in prepared_request.headers if name.lower().startswith(HEADER_PREFIX.lower())]:
            del prepared_request.headers[name]


def _leave_redirect_unread(response: requests.Response, *arguments: Any, **options: Any) -> None:
    """requests would read the body of a redirect to its end, however long it is."""
    if response.is_redirect:
        response.raw.close()

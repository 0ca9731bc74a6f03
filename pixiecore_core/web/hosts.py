"""Which Host headers are ours: against a web page elsewhere whose name suddenly has our address (DNS rebinding).

A browser then sends that page's name. An IP address in its place cannot have come about so, and neither can a name of
this host; what else is ours, an operator says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from ipaddress import ip_address

import gevent
from gevent import socket
from werkzeug.wrappers import Request, Response

from pixiecore_core.net.site import text

_FRESH_SECONDS = 60.0


def names_of_this_host() -> set[str]:
    """Its name, alone, in full as DNS or /etc/hosts has it, and as mDNS has it. May wait for DNS."""
    name = socket.gethostname().lower()
    return {name, f"{name.partition('.')[0]}.local", socket.getfqdn().lower()}


class OurHosts:
    """The names that pages for people are shown under.

    :param allowed: names that an operator added, in lower case
    """

    def __init__(
        self,
        allowed: Collection[str] = (),
        look_up: Callable[[], Collection[str]] = names_of_this_host,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed = {"localhost", *allowed}
        self._look_up = look_up
        self._clock = clock
        self._found: Collection[str] = ()
        self._stale_at = float("-inf")

    def refresh(self) -> None:
        """Have this host's names looked up if that is some time ago; does not wait for them."""
        if self._clock() >= self._stale_at:
            self._stale_at = self._clock() + _FRESH_SECONDS
            gevent.spawn(self._find)

    def _find(self) -> None:
        self._found = self._look_up()

    def refusal(self, request: Request) -> Response | None:
        """What to answer a request for a name that is not ours; ``None`` where it is."""
        host = request.headers.get("Host", "").lower()
        name = host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
        name = name.removesuffix(".")
        # HTTP/1.0 may leave the name out, which no browser does.
        if not name or _is_address(name) or name in self._allowed or name in self._found:
            return None
        self.refresh()
        return text(
            421, "this page is not shown under that name: use the server's address, or start it with --allow-host NAME"
        )


def _is_address(name: str) -> bool:
    try:
        ip_address(name[1:-1] if name.startswith("[") else name)
    except ValueError:
        return False
    return True

"""Whether the ports can be had: takes each one as the server does, and gives it back at once.

What is said of one that is held is the server's own words, binding.py's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pixiecore_core.doctor.findings import Finding, broken, ok
from pixiecore_core.errors import StartError
from pixiecore_core.net.binding import bind
from pixiecore_core.settings.listening import Endpoint
from pixiecore_core.settings.server import ServerSettings

_OURS = re.compile(r"in use by pixiecore \(")
_LISTENERS = ("dhcp", "pxe", "tftp", "http", "status", "syslog")


def check(settings: ServerSettings) -> Iterator[Finding]:
    """A finding for each listener that is on."""
    for name in _LISTENERS:
        endpoint = settings.http_endpoint() if name == "http" else getattr(settings, name)
        if not isinstance(endpoint, Endpoint):
            continue
        off = {other: "off" if other == "status" else None for other in _LISTENERS if other != name}
        try:
            with bind(settings.model_copy(update={**off, "quiet_ra": "off", "neighbour_watch": "off"})):
                pass
        except StartError as error:
            what, _, mend = str(error).partition("; ")
            if _OURS.search(what):
                yield ok("ports", f"{what}: a server of ours is running")
                continue
            yield broken("ports", what, *([mend] if mend else []))
        else:
            protocol = {"http": "TCP", "status": "TCP", "syslog": "UDP and TCP"}.get(name, "UDP")
            how = " can be heard beside its holder" if name == "dhcp" and settings.dhcp_no_bind else " is free"
            yield ok("ports", f"{protocol} port {endpoint.port} ({name.upper()}){how}")

"""What takes some milliseconds and needs no port, so that a server does it, too, when it starts.

Says which networks and ports of a server's settings the checks are about.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from pixiecore_core.doctor import firewall, host
from pixiecore_core.doctor.findings import Finding
from pixiecore_core.doctor.rules import Probe
from pixiecore_core.net.interfaces import Interface, Interfaces, read_interfaces
from pixiecore_core.settings.listening import Endpoint
from pixiecore_core.settings.server import ServerSettings


def look_around(settings: ServerSettings) -> Iterator[Finding]:
    """Clock, interfaces, packet filters."""
    yield host.check_clock(time.time())
    served = networks(settings)
    missing = Interfaces(settings.interface, settings.listen_addr).missing()
    if not settings.listen_addr.is_loopback:
        yield from host.check_interfaces(served, missing, settings.listen_addr)
    probes = _probes(settings, served)
    if probes:
        yield from firewall.check(probes)


def networks(settings: ServerSettings) -> list[Interface]:
    """The interfaces that are served, without loopback."""
    chosen = Interfaces(settings.interface, settings.listen_addr)
    found = [chosen.served(one.index) for one in read_interfaces()]
    return [one for one in found if one is not None and not one.addresses[0].is_loopback]


def _probes(settings: ServerSettings, served: list[Interface]) -> list[Probe]:
    """What machines send us. A packet socket hears DHCP before any filter does."""
    udp = (None if settings.dhcp_no_bind else settings.dhcp, settings.pxe, settings.tftp)
    ports = [("udp", endpoint.port) for endpoint in udp if endpoint is not None]
    http = settings.http_endpoint()
    ports += [("tcp", http.port)] if isinstance(http, Endpoint) else []
    return [Probe(protocol, port, one.name) for one in served for protocol, port in ports if port]  # type: ignore[arg-type]

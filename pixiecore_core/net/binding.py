"""Takes every port that a server needs, before there is anything that could be asked: only this may need root.

What comes in waits in the kernel until the listeners start. Serves nothing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Literal, Protocol, Self, TypeVar

from gevent import socket

from pixiecore_core.errors import StartError
from pixiecore_core.net.dhcp_socket import DhcpSocket
from pixiecore_core.net.interfaces import read_interfaces
from pixiecore_core.net.neighbour_ears import CLIENT_PORT
from pixiecore_core.net.packet_socket import PacketSocket
from pixiecore_core.net.ports import holder_of
from pixiecore_core.net.router_socket import RouterSocket
from pixiecore_core.net.syslog_sockets import SyslogSockets
from pixiecore_core.net.tftp_socket import RequestSocket
from pixiecore_core.settings.listening import Endpoint
from pixiecore_core.settings.server import ServerSettings

BACKLOG = 4096
"""HTTP connections that wait to be accepted."""
_ANY = "0.0.0.0"

Name = Literal["HTTP", "STATUS", "TFTP", "PXE", "DHCP", "SYSLOG"]


class Closable(Protocol):
    """A socket of any kind."""

    def close(self) -> None:
        """Free the port. May be called more than once."""


S = TypeVar("S", bound=Closable)


@dataclass
class Bound:
    """The sockets of the listeners that are on. Leaving its context closes them, if whoever serves has not."""

    http: socket.socket | None = None
    status: socket.socket | None = None
    tftp: RequestSocket | None = None
    pxe: DhcpSocket | None = None
    dhcp: DhcpSocket | PacketSocket | None = None
    syslog: SyslogSockets | None = None
    routers: RouterSocket | None = None
    """Off, or not to be had."""
    ears: PacketSocket | None = None
    """The same."""
    _opened: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self._opened.close()

    def keep(self, opened: S) -> S:
        """Close *opened* in the end."""
        self._opened.callback(opened.close)
        return opened


def bind(settings: ServerSettings) -> Bound:
    """Take the ports.

    :raises StartError: one cannot be used
    """
    bound = Bound()
    address = settings.listen_addr

    def take(name: Name, endpoint: Endpoint, opening: Callable[[str, int], S], default: IPv4Address = address) -> S:
        try:
            return bound.keep(opening(str(endpoint.address or default), endpoint.port))
        except OSError as error:
            raise StartError(_why_not(name, endpoint, default, error)) from error

    try:
        if isinstance(settings.status, Endpoint):
            bound.status = take("STATUS", settings.status, listening)
        if (http := settings.http_endpoint()) is not None:
            bound.http = take("HTTP", http, listening)
        if settings.tftp is not None:
            bound.tftp = take("TFTP", settings.tftp, RequestSocket)
        if settings.pxe is not None:
            bound.pxe = take("PXE", settings.pxe, DhcpSocket)
        if settings.dhcp is not None and settings.dhcp_no_bind:
            bound.dhcp = take("DHCP", settings.dhcp, lambda address, port: PacketSocket(port))
        elif settings.dhcp is not None:
            # A socket bound to one address hears no broadcasts, so --listen-addr narrows the interfaces instead.
            bound.dhcp = take("DHCP", settings.dhcp, DhcpSocket, IPv4Address(_ANY))
        if settings.syslog is not None:
            bound.syslog = take("SYSLOG", settings.syslog, SyslogSockets)
        if settings.dhcp is not None and settings.quiet_ra == "auto":
            with suppress(OSError):
                bound.routers = bound.keep(RouterSocket())
        if settings.dhcp is not None and settings.neighbour_watch == "auto":
            with suppress(OSError):
                bound.ears = bound.keep(PacketSocket(CLIENT_PORT))
    except BaseException:
        bound.__exit__()
        raise
    return bound


def listening(address: str, port: int) -> socket.socket:
    """A TCP socket that takes connections.

    :raises OSError: the address or the port cannot be used
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((address, port))
        opened.listen(BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


def not_ours(option: str, address: IPv4Address) -> str:
    """What is said of an address that this host has not."""
    ours = ", ".join(f"{one} ({interface.name})" for interface in read_interfaces() for one in interface.addresses)
    return f"{option}: {address} is not an address of this host, which has: {ours or 'none'}"


def protocols_of(name: Name) -> tuple[Literal["tcp", "udp"], ...]:
    """What a listener takes its port for."""
    if name == "SYSLOG":
        return ("udp", "tcp")
    return ("tcp",) if name in ("HTTP", "STATUS") else ("udp",)


def _why_not(name: Name, endpoint: Endpoint, default: IPv4Address, error: OSError) -> str:
    protocols = protocols_of(name)
    where = f"{' or '.join(one.upper() for one in protocols)} port {endpoint.port} ({name})"
    if error.errno == errno.EADDRINUSE:
        holder = next((found for one in protocols if (found := holder_of(one, endpoint.port)) is not None), None)
        if holder is not None and holder.endswith(f"(process {os.getpid()})"):
            return f"{where}: another listener of this server has that port already; give --{name.lower()} another one"
        by = f" by {holder}" if holder else ""
        beside = ", or listen for DHCP beside it with --dhcp-no-bind" if name == "DHCP" else ""
        return f"{where} is in use{by}; stop it, or give --{name.lower()} another port or off{beside}"
    if error.errno == errno.EADDRNOTAVAIL:
        # A socket that is not bound to an address of its own is bound to that of --listen-addr.
        return not_ours(f"--{name.lower()}" if endpoint.address else "--listen-addr", endpoint.address or default)
    return f"cannot listen on {where}: {error.strerror}"

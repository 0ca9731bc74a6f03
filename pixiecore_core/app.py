"""The running server: builds the listeners, starts them in an order that promises nothing too early, and stops them.

HTTP and TFTP before DHCP, so that no machine is offered what cannot be fetched yet. Holds no protocol and no policy.
"""

from __future__ import annotations

import contextlib
import errno
import signal
from functools import partial
from ipaddress import IPv4Address
from typing import Literal, Protocol

import gevent
import gevent.event
from gevent.exceptions import LoopExit

from pixiecore_core.assembly import Core
from pixiecore_core.boot.route import Relays
from pixiecore_core.boot.tftp_negotiation import Limits
from pixiecore_core.errors import StartError
from pixiecore_core.files.token_file import read_token
from pixiecore_core.models.facts import Refused
from pixiecore_core.net.answering import Answerer, Place
from pixiecore_core.net.boot_pages import BootPages
from pixiecore_core.net.dhcp import DhcpServer
from pixiecore_core.net.dhcp_socket import DhcpSocket
from pixiecore_core.net.http import HttpServer
from pixiecore_core.net.interfaces import Interfaces, interface_names, is_ours, read_interfaces
from pixiecore_core.net.link_news import LinkNews
from pixiecore_core.net.neighbours import TABLE, hardware_addresses
from pixiecore_core.net.packet_socket import PacketSocket
from pixiecore_core.net.ports import holder_of
from pixiecore_core.net.site import Page, Site
from pixiecore_core.net.tftp import TftpServer
from pixiecore_core.net.tftp_files import TftpFiles
from pixiecore_core.plugins.blame import stopping
from pixiecore_core.plugins.telling import in_words
from pixiecore_core.settings.listening import Endpoint
from pixiecore_core.settings.server import ServerSettings
from pixiecore_core.web import status
from pixiecore_core.web.guards import Guard
from pixiecore_core.web.hosts import OurHosts
from pixiecore_core.web.plugin_pages import plugin_pages

STOP_SECONDS = 0.7
"""How long what is still being sent may take to finish; all of stopping stays under two seconds."""

SHUTDOWN_SECONDS = 0.3
"""For all plugins' ``on_shutdown``, side by side."""

STATUS_CONNECTIONS = 64
"""For the status page, where it has a listener of its own."""

_ANY = "0.0.0.0"


class Server(Protocol):
    """What each listener can do."""

    @property
    def port(self) -> int:
        """The port in use, once bound."""

    def bind(self) -> None:
        """Take the port. :raises OSError: the port cannot be used"""

    def start(self) -> None:
        """Begin to serve."""

    def stop(self, timeout: float) -> None:
        """Stop serving and free the port, giving what is under way *timeout* seconds."""


class App:
    """One server.

    :param core: has the booter and every other plugin registered
    """

    def __init__(self, settings: ServerSettings, core: Core) -> None:
        self.settings = settings
        self.core = core
        self._interfaces = Interfaces(settings.interface, settings.listen_addr)
        self.servers: dict[str, Server] = {}
        """The listeners that are bound, by name: STATUS, HTTP, TFTP, PXE, DHCP."""
        self._stop = gevent.event.Event()
        self._answerer: Answerer | None = None
        self._link_news: LinkNews | None = None
        self._told = False  # whether plugins know that we have started, and must be told that we stop

    def start(self) -> None:
        """Bind every listener that is on, tell the plugins, then serve.

        :raises StartError: a port cannot be used
        :raises PluginError: a plugin's ``on_startup`` failed
        """
        settings = self.settings
        stopping.clear()
        for name in self._interfaces.missing():
            self.core.logger.warning(
                f"There is no interface {name!r} with an IPv4 address now; there are: {', '.join(interface_names())}",
                subsystem="Init",
            )
        if settings.check_neighbour and not TABLE.exists():
            raise StartError(f"--check-neighbour needs {TABLE}, which this system does not have")
        try:
            http_port = self._bind_http(settings.http_endpoint())
            self._bind_tftp(settings.tftp)
            self._bind_dhcp(http_port)
            self._told = True
            self.core.plugins.on_startup()
        except BaseException:
            self.stop()
            raise
        if not is_ours(settings.listen_addr):
            self.core.logger.warning(_not_ours("--listen-addr", settings.listen_addr), subsystem="Init")
        # Without it, what changes is noticed within seconds.
        with contextlib.suppress(OSError):
            self._link_news = LinkNews(self._interfaces.expire)
        for server in self.servers.values():
            server.start()

    def run(self) -> None:
        """Serve until :meth:`request_stop`, then stop."""
        try:
            while not self._stop.is_set():
                try:
                    self._stop.wait()
                except BaseException as error:
                    if not _is_a_plugins(error):
                        raise
                    details = {"exc_info": error} if self.settings.debug else {}
                    self.core.logger.warning(
                        f"A signal handler, perhaps a plugin's, raised {in_words(error)}; the server goes on",
                        subsystem="Plugin",
                        **details,
                    )
        finally:
            self.stop()

    def request_stop(self) -> None:
        """Make :meth:`run` return; may be called from a signal handler."""
        self._stop.set()

    def request_reload(self) -> None:
        """Have the plugins read their files again; may be called from a signal handler."""
        self.core.logger.info("Reloading on SIGHUP", subsystem="Init")
        gevent.spawn(self.core.plugins.on_reload)

    def stop(self) -> None:
        """Stop answering, tell the plugins, free the ports. May be called more than once."""
        stopping.set()
        if self._link_news is not None:
            self._link_news.close()
            self._link_news = None
        servers, self.servers = self.servers, {}
        ending = [gevent.spawn(server.stop, STOP_SECONDS) for server in servers.values()]
        gevent.joinall(ending, timeout=STOP_SECONDS + 0.3)
        if self._answerer is not None:
            self._answerer.stop()
        if self._told:
            self._told = False
            self.core.plugins.on_shutdown(SHUTDOWN_SECONDS)

    def _bind_http(self, endpoint: Endpoint | None) -> int:
        settings, core = self.settings, self.core
        hosts = OurHosts(settings.allow_host)
        hosts.refresh()
        shown = self._status_pages(hosts)
        if endpoint is None:
            return settings.port
        neighbours = hardware_addresses if settings.check_neighbour else None
        boot = BootPages(core.scripts, core.first_stage, core.urls, core.bus, neighbours)
        routes = core.plugins.register_routes()
        pages = {
            **shown,
            **status.counts(core.metrics),
            **plugin_pages(core.plugins, routes, core.urls.sealer, hosts.refusal),
            **boot.pages(),
        }
        server = HttpServer(
            self._address(endpoint),
            endpoint.port,
            Site(pages, boot.folders(), self._interfaces.serves),
            posted=[path for path, route in routes.items() if "POST" in route.methods],
            per_client=settings.http_connections_per_client,
            shared=settings.http_shared_address,
            on_drop=partial(core.bus.drop, "HTTP"),
            on_refuse=self._refuse_connection,
        )
        return self._bind("HTTP", server, endpoint)

    def _status_pages(self, hosts: OurHosts) -> dict[str, Page]:
        """The pages that show machines, unless they are off; with a listener of their own they are bound here.

        :raises ConfigError: there is no token in the file that the user named
        """
        settings, core = self.settings, self.core
        place, path = settings.status, settings.status_token_file
        if place == "off":
            return {}
        token = None
        if path is not None:
            warn = partial(core.logger.warning, subsystem="Init")
            token = read_token("--status-token-file", path, warn)
        pages = Guard(hosts, core.bus, token, place == "loopback").around(status.pages(core.attempts))
        if not isinstance(place, Endpoint):
            return pages
        site = Site({**pages, **status.counts(core.metrics)}, {}, self._interfaces.serves)
        on_drop = partial(core.bus.drop, "HTTP")
        server = HttpServer(self._address(place), place.port, site, most=STATUS_CONNECTIONS, on_drop=on_drop)
        self._bind("STATUS", server, place)
        return {}

    def _refuse_connection(self, address: str) -> None:
        reason = "it has as many as it may; see --http-connections-per-client, or --http-shared-address for a proxy"
        self.core.bus.report(Refused(via="HTTP", what="connection", source=address, reason=reason))

    def _bind_tftp(self, endpoint: Endpoint | None) -> None:
        if endpoint is not None:
            files = TftpFiles(self.core.first_stage, self.core.bus, self._interfaces.serves)
            server = TftpServer(
                self._address(endpoint),
                endpoint.port,
                open_file=files.open,
                on_report=files.report,
                on_drop=partial(self.core.bus.drop, "TFTP"),
                max_transfers=self.settings.tftp_transfers,
                max_transfers_per_client=max(1, self.settings.tftp_transfers // 2),
                limits=Limits(self.settings.tftp_blksize, self.settings.tftp_windowsize),
                single_port=self.settings.tftp_single_port,
            )
            self._bind("TFTP", server, endpoint)

    def _bind_dhcp(self, http_port: int) -> None:
        settings, core = self.settings, self.core
        dhcp_port = settings.dhcp.port if settings.dhcp else 67
        place = Place(self._interfaces, http_port, dhcp_port, Relays(settings.trust_relay))
        answerer = self._answerer = Answerer(core.decider, core.names, core.bus, place)
        if settings.pxe is not None:
            pxe = partial(DhcpSocket, self._address(settings.pxe), settings.pxe.port)
            self._bind("PXE", DhcpServer("pxe", pxe, answerer), settings.pxe)
        if settings.dhcp is not None:
            # A socket bound to one address hears no broadcasts, so --listen-addr narrows the interfaces instead.
            bound = partial(DhcpSocket, str(settings.dhcp.address or _ANY), settings.dhcp.port)
            unbound = partial(PacketSocket, settings.dhcp.port)
            server = DhcpServer("dhcp", unbound if settings.dhcp_no_bind else bound, answerer)
            self._bind("DHCP", server, settings.dhcp)

    def _bind(self, name: Literal["HTTP", "STATUS", "TFTP", "PXE", "DHCP"], server: Server, endpoint: Endpoint) -> int:
        protocol: Literal["tcp", "udp"] = "tcp" if name in ("HTTP", "STATUS") else "udp"
        try:
            server.bind()
        except OSError as error:
            where = f"{protocol.upper()} port {endpoint.port} ({name})"
            if error.errno == errno.EADDRINUSE:
                holder = holder_of(protocol, endpoint.port)
                by = f" by {holder}" if holder else ""
                beside = ", or listen for DHCP beside it with --dhcp-no-bind" if name == "DHCP" else ""
                raise StartError(
                    f"{where} is in use{by}; stop it, or give --{name.lower()} another port or off{beside}"
                ) from error
            if error.errno == errno.EADDRNOTAVAIL:
                # A socket that is not bound to an address of its own is bound to that of --listen-addr.
                option = f"--{name.lower()}" if endpoint.address else "--listen-addr"
                raise StartError(_not_ours(option, endpoint.address or self.settings.listen_addr)) from error
            raise StartError(f"cannot listen on {where}: {error.strerror}") from error
        self.servers[name] = server
        return server.port

    def _address(self, endpoint: Endpoint) -> str:
        return str(endpoint.address or self.settings.listen_addr)


def _not_ours(option: str, address: IPv4Address) -> str:
    ours = ", ".join(f"{one} ({interface.name})" for interface in read_interfaces() for one in interface.addresses)
    return f"{option}: {address} is not an address of this host, which has: {ours or 'none'}"


def _is_a_plugins(error: BaseException) -> bool:
    """Whether *error*, raised while the server only waits, is a plugin's, whose signal handlers run wherever we are:
    ``signal.alarm`` around a call is an old way to limit its time.
    """
    if isinstance(error, LoopExit):
        return False  # there is nothing left to wait for
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        # While the command serves, Ctrl-C is handled in cli/signals.py; otherwise the program that embeds us means it.
        return signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    return isinstance(error, Exception)

"""The running server: builds the listeners on ports that are bound, starts them in an order that promises nothing too
early, and stops them.

HTTP and TFTP before DHCP, so that no machine is offered what cannot be fetched yet. Holds no protocol and no policy.
"""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable
from functools import partial
from typing import Protocol

import gevent
import gevent.event
from gevent.exceptions import LoopExit

from pixiecore_core.assembly import Core
from pixiecore_core.boot.route import Relays
from pixiecore_core.boot.tftp_negotiation import Limits
from pixiecore_core.engine.quiet_router import QuietRouter
from pixiecore_core.errors import StartError
from pixiecore_core.models.facts import QuietlyAdvertised, Refused
from pixiecore_core.net.answering import Answerer, Place
from pixiecore_core.net.binding import Bound, not_ours
from pixiecore_core.net.boot_pages import BootPages
from pixiecore_core.net.connections import Shares
from pixiecore_core.net.dhcp import DhcpServer
from pixiecore_core.net.http import HttpServer
from pixiecore_core.net.interfaces import Interfaces, interface_names, is_ours
from pixiecore_core.net.link_news import LinkNews
from pixiecore_core.net.neighbour_ears import NeighbourEars
from pixiecore_core.net.neighbours import TABLE
from pixiecore_core.net.quiet_advertising import QuietAdvertiser
from pixiecore_core.net.site import Page, Site
from pixiecore_core.net.syslog import SyslogServer
from pixiecore_core.net.tftp import TftpServer
from pixiecore_core.net.tftp_files import TftpFiles
from pixiecore_core.plugins.blame import stopping
from pixiecore_core.plugins.telling import in_words
from pixiecore_core.settings.server import ServerSettings
from pixiecore_core.web import openapi, status
from pixiecore_core.web.actions import ACTIONS_PATH, Actions
from pixiecore_core.web.guards import Guard
from pixiecore_core.web.hosts import OurHosts
from pixiecore_core.web.live import Live
from pixiecore_core.web.page import PeoplePages
from pixiecore_core.web.plugin_pages import plugin_pages
from pixiecore_core.web.server import ServerPage
from pixiecore_core.web.v1 import MachinePages

TRANSFERS_PER_CLIENT = 64
"""TFTP transfers to one address; a machine has one."""

STOP_SECONDS = 0.7
"""How long what is still being sent may take to finish; all of stopping stays under two seconds."""

SHUTDOWN_SECONDS = 0.3
"""For all plugins' ``on_shutdown``, side by side."""

STATUS_CONNECTIONS = 64
"""For the status page, where it has a listener of its own."""


KEEP_SECONDS = 5.0
"""How often what machines did is written down."""
STOP_RECORDS = 1000
"""Of them, at the end: a few milliseconds."""


class Server(Protocol):
    """What each listener can do."""

    @property
    def port(self) -> int:
        """The port in use."""

    def start(self) -> None:
        """Begin to serve."""

    def stop(self, timeout: float) -> None:
        """Stop serving and free the port, giving what is under way *timeout* seconds."""


class App:
    """One server.

    :param core: has the booter and every other plugin registered
    :param bound: the ports, which are the app's to close from :meth:`start` on
    :param status_token: what must be sent to see the status page
    """

    def __init__(self, settings: ServerSettings, core: Core, bound: Bound, status_token: bytes | None = None) -> None:
        self.settings = settings
        self.core = core
        self._bound = bound
        self._status_token = status_token
        self._interfaces = Interfaces(settings.interface, settings.listen_addr)
        self.servers: dict[str, Server] = {}
        """The listeners that are on, by name: STATUS, HTTP, TFTP, PXE, DHCP, SYSLOG."""
        self._stop = gevent.event.Event()
        self._answerer: Answerer | None = None
        self._link_news: LinkNews | None = None
        self._quiet: QuietAdvertiser | None = None
        self._keeping: gevent.Greenlet[[], None] | None = None
        self._tracing: gevent.Greenlet[[], None] | None = None
        self._ears: NeighbourEars | None = None
        self._live: Live | None = None
        self._told = False  # whether plugins know that we have started, and must be told that we stop

    def start(self) -> None:
        """Build every listener that is on, tell the plugins, then serve.

        :raises StartError: this system cannot do what is asked for
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
            http_port = self._build_http()
            self._build_tftp(http_port)
            self._build_dhcp(http_port)
            self._build_syslog()
            self._build_quiet()
            self._build_ears()
            self._told = True
            self.core.plugins.on_startup()
        except BaseException:
            self.stop()
            raise
        if not is_ours(settings.listen_addr):
            self.core.logger.warning(not_ours("--listen-addr", settings.listen_addr), subsystem="Init")
        # Without it, what changes is noticed within seconds.
        with contextlib.suppress(OSError):
            self._link_news = LinkNews(self._interfaces.expire)
        for server in self.servers.values():
            server.start()
        if self._quiet is not None:
            self._quiet.start()
        self._keeping = gevent.spawn(self._keep_history)
        self._tracing = gevent.spawn(self._send_traces)
        if self._ears is not None:
            self._ears.start()

    def run(self, on_ready: Callable[[], object] = lambda: None) -> None:
        """Serve until :meth:`request_stop`, then stop.

        :param on_ready: called first; once more, if a plugin's signal handler breaks it off
        """
        chances = 2  # for on_ready
        try:
            while not self._stop.is_set():
                try:
                    if chances:
                        on_ready()
                        chances = 0
                    self._stop.wait()
                except BaseException as error:
                    if not _is_a_plugins(error) or chances == 1:
                        raise
                    chances = min(chances, 1)
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

    def request_reload(self, done: Callable[[], object] = lambda: None) -> None:
        """Have the plugins read their files again; may be called from a signal handler.

        :param done: called when they have
        """
        self.core.logger.info("Reloading on SIGHUP", subsystem="Init")

        def reload() -> None:
            self.core.plugins.on_reload()
            done()

        gevent.spawn(reload)

    def stop(self) -> None:
        """Stop answering, tell the plugins, free the ports. May be called more than once."""
        stopping.set()
        if self._link_news is not None:
            self._link_news.close()
            self._link_news = None
        if self._quiet is not None:
            self._quiet.stop()
            self._quiet = None
        if self._ears is not None:
            self._ears.stop()
            self._ears = None
        if self._live is not None:
            self._live.close()
        servers, self.servers = self.servers, {}
        ending = [gevent.spawn(server.stop, STOP_SECONDS) for server in servers.values()]
        gevent.joinall(ending, timeout=STOP_SECONDS + 0.3)
        if self._answerer is not None:
            self._answerer.stop()
        if self._keeping is not None:
            self._keeping.kill()
            self._keeping = None
            if self.core.history is not None:
                self.core.history.flush(most=STOP_RECORDS)
                with gevent.Timeout(STOP_SECONDS, False):  # type: ignore[arg-type]
                    self.core.history.close()
        if self._tracing is not None:
            self._tracing.kill()
            self._tracing = None
            if self.core.traces is not None:
                with gevent.Timeout(STOP_SECONDS, False):  # type: ignore[arg-type]
                    self.core.traces.flush(everything=True)
        if self._told:
            self._told = False
            self.core.plugins.on_shutdown(SHUTDOWN_SECONDS)

    def _keep_history(self) -> None:
        while self.core.history is not None:
            gevent.sleep(KEEP_SECONDS)
            self.core.history.flush(between=lambda: gevent.sleep(0))

    def _send_traces(self) -> None:
        while self.core.traces is not None:
            gevent.sleep(KEEP_SECONDS)
            self.core.traces.flush(between=lambda: gevent.sleep(0))

    def _build_http(self) -> int:
        settings, core = self.settings, self.core
        hosts = OurHosts(settings.allow_host)
        hosts.refresh()
        shown, folders = self._status_pages(hosts)
        if self._bound.http is None:
            return settings.port
        boot = BootPages(core.scripts, core.first_stage, core.urls, core.bus, core.neighbours, core.progress)
        routes = core.plugins.register_routes()
        pages = {
            **shown,
            **status.counts(core.metrics),
            **plugin_pages(core.plugins, routes, core.urls.sealer, hosts.refusal),
            **boot.pages(),
        }
        address, port = self._bound.http.getsockname()
        server = HttpServer(
            address,
            port,
            Site(pages, {**folders, **boot.folders()}, self._interfaces.serves),
            posted=[ACTIONS_PATH, *(path for path, route in routes.items() if "POST" in route.methods)],
            per_client=settings.http_connections_per_client,
            shared=settings.http_shared_address,
            on_drop=partial(core.bus.drop, "HTTP"),
            on_refuse=self._refuse_connection,
            on_head=core.frames.tcp,
        )
        server.bind(self._bound.http)
        self.servers["HTTP"] = server
        return server.port

    def _status_pages(self, hosts: OurHosts) -> tuple[dict[str, Page], dict[str, Page]]:
        """The pages and folders that show machines, unless they are off, or have a listener of their own, made here."""
        place, core = self.settings.status, self.core
        if place == "off":
            return {}, {}
        guard = Guard(hosts, core.bus, self._status_token, place == "loopback")
        full, has_token = guard.knows, self._status_token is not None

        actions = Actions(core.attempts, core.plugins, core.bus, has_token, guard.sent_bearer)
        table, progress = core.decider.loaders.table, core.progress
        machines = MachinePages(
            core.attempts,
            progress,
            table,
            core.frames,
            full,
            neighbours=core.neighbourhood,
            actions=actions.of,
            ours_on=self._interfaces.ours_on,
        )
        live = self._live = Live(core.attempts, core.changes, progress, machines.summaries, full)
        server = ServerPage(core.attempts, progress, core.plugins, full, has_token, core.neighbourhood)
        people = PeoplePages(machines, server.info)
        shown = [status.pages(core.attempts, full), openapi.pages()]
        shown += [one.pages() for one in (machines, live, server, actions, people)]
        pages = guard.around({path: page for some in shown for path, page in some.items()})
        folders = guard.around({**machines.folders(), **people.folders()})
        bound = self._bound.status
        if bound is None:
            return pages, folders
        site = Site({**pages, **status.counts(core.metrics)}, folders, self._interfaces.serves)
        on_drop = partial(core.bus.drop, "HTTP")
        address, port = bound.getsockname()
        listener = HttpServer(address, port, site, [ACTIONS_PATH], most=STATUS_CONNECTIONS, on_drop=on_drop)
        listener.bind(bound)
        self.servers["STATUS"] = listener
        return {}, {}

    def _refuse_connection(self, address: str) -> None:
        reason = "it has as many as one address may have; see --http-connections-per-client, and --http-shared-address"
        self.core.bus.report(Refused(via="HTTP", what="connection", source=address, reason=reason))

    def _build_tftp(self, http_port: int) -> None:
        if self._bound.tftp is not None:
            files = TftpFiles(
                self.core.first_stage, self.core.bus, self.core.adapter.limits, http_port, self._interfaces.serves
            )
            settings = self.settings
            most = settings.tftp_transfers
            shares = Shares.at_most_half(most, TRANSFERS_PER_CLIENT, settings.http_shared_address)
            server = TftpServer(
                *self._bound.tftp.address,
                open_file=files.open,
                on_report=files.report,
                on_drop=partial(self.core.bus.drop, "TFTP"),
                max_transfers=most,
                share_of=shares.of,
                limits=Limits(settings.tftp_blksize, settings.tftp_windowsize),
                single_port=settings.tftp_single_port,
                on_datagram=self.core.frames.udp,
            )
            server.bind(self._bound.tftp)
            self.core.progress.ask(lambda: files.moving(server.sessions()))
            self.servers["TFTP"] = server

    def _build_dhcp(self, http_port: int) -> None:
        settings, core = self.settings, self.core
        dhcp_port = settings.dhcp.port if settings.dhcp else 67
        place = Place(self._interfaces, http_port, dhcp_port, Relays(settings.trust_relay))
        answerer = self._answerer = Answerer(core.decider, core.adapter, core.names, core.bus, place, core.frames)
        if self._bound.pxe is not None:
            self.servers["PXE"] = DhcpServer("pxe", self._bound.pxe, answerer)
        if self._bound.dhcp is not None:
            self.servers["DHCP"] = DhcpServer("dhcp", self._bound.dhcp, answerer)

    def _build_syslog(self) -> None:
        opened, system_log = self._bound.syslog, self.core.system_log
        if opened is not None and system_log is not None:
            self.servers["SYSLOG"] = SyslogServer(opened, system_log, self.core.bus)

    def _build_quiet(self) -> None:
        core, opened = self.core, self._bound.routers
        if opened is not None:
            self._quiet = QuietAdvertiser(
                opened,
                QuietRouter(core.attempts.is_under_way),
                self._interfaces,
                on_sent=lambda mac, interface: core.bus.report(QuietlyAdvertised(mac=mac, interface=interface)),
                on_drop=partial(core.bus.drop, "IPv6"),
            )
        elif self.settings.quiet_ra == "auto" and self._bound.dhcp is not None and socket.has_ipv6:
            core.logger.info(
                "On a network without an IPv6 router, iPXE waits up to 15 s for one; with CAP_NET_RAW we could tell it "
                "that there is none (--quiet-ra)",
                subsystem="Init",
            )

    def _build_ears(self) -> None:
        core, opened = self.core, self._bound.ears
        if opened is not None:
            self._ears = NeighbourEars(
                opened,
                core.neighbourhood,
                self._interfaces,
                core.bus,
                core.frames,
                hears_all=not self.settings.dhcp_no_bind,
            )
        elif self.settings.neighbour_watch == "auto" and self._bound.dhcp is not None:
            core.logger.info(
                "Other DHCP servers are not heard; with CAP_NET_RAW we could tell which of them spoil boots "
                "(--neighbour-watch)",
                subsystem="Init",
            )


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

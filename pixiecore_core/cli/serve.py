"""Starts a server from the command line: checks privileges, merges settings, builds the app, waits for a signal.

``pixiecore run`` and the plugins' serving commands (commands.py) call it. Parses no arguments itself.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any

import click
import gevent
import structlog
from gevent import monkey

from pixiecore_core import __version__
from pixiecore_core.app import App
from pixiecore_core.assembly import Core, Parts, assemble
from pixiecore_core.cli.configuring import settled
from pixiecore_core.cli.dropping import Secrets, become_server, settled_again, told_as
from pixiecore_core.cli.ending import note_serving
from pixiecore_core.cli.file_plane import open_files, open_sealer
from pixiecore_core.cli.history_keeping import open_history
from pixiecore_core.cli.live_table import LiveTable, is_wanted
from pixiecore_core.cli.offer_keeping import open_offer_memory
from pixiecore_core.cli.pi_firmware import pi_firmware
from pixiecore_core.cli.privileges import check_privileges
from pixiecore_core.cli.signals import Hangups, reloading, starting, stopping
from pixiecore_core.cli.signed import direct, find_first_stages, open_signing, signs
from pixiecore_core.cli.stack import Platform, construct, register_all
from pixiecore_core.cli.variables import unread_variables
from pixiecore_core.doctor.around import look_around
from pixiecore_core.hosting.accounts import Account, account_of
from pixiecore_core.hosting.service_manager import ServiceManager
from pixiecore_core.identity import use_permitted
from pixiecore_core.net.binding import bind
from pixiecore_core.net.interfaces import Interfaces, read_interfaces
from pixiecore_core.net.neighbours import hardware_addresses
from pixiecore_core.observe.log import Lines, configure
from pixiecore_core.observe.otlp import open_otlp
from pixiecore_core.observe.plugin_log import listening
from pixiecore_core.observe.quota import Quota
from pixiecore_core.observe.traces import Send
from pixiecore_core.ownership import SERVICE_USER
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.plugins.watching import say, watch
from pixiecore_core.settings.configuration import Settled
from pixiecore_core.settings.server import ServerSettings

_DESCRIPTORS = 65536
_TRACEBACKS, _TRACEBACKS_SECONDS = 5, 60.0
"""Of one kind of error, from one place."""


def run(
    ctx: click.Context,
    booter_name: str | None,
    booter_given: Mapping[str, Any],
    arguments: Mapping[str, str] | None = None,
) -> None:
    """Serve until a signal comes.

    :raises ConfigError: a setting is unusable
    :raises StartError: this machine refuses
    :raises PluginError: a plugin refuses
    """
    note_serving()
    with starting() as hangups:
        _run(ctx, booter_name, booter_given, arguments, hangups)


def _run(
    ctx: click.Context,
    booter_name: str | None,
    booter_given: Mapping[str, Any],
    arguments: Mapping[str, str] | None,
    hangups: Hangups,
) -> None:
    settle = partial(settled, ctx, booter_name, booter_given, arguments)
    first = settle()
    settings = first[1].server
    account = account_of(settings.user, settings.group)
    use_permitted()
    check_privileges(settings)
    _raise_descriptor_limit()
    _let_no_greenlet_end_us()

    poll = monkey.get_original("select", "poll")
    lines = Lines(sys.stdout, gevent.get_hub().loop.run_callback, gevent.spawn_later, poll)
    logger = configure(settings.log_format, settings.debug, settings.log_timestamps, lines)
    warn = partial(logger.warning, subsystem="Init")
    secrets = Secrets()
    for finding in look_around(settings):
        # Of a missing interface, the app itself tells, and goes on: it may come.
        if finding.status != "ok" and finding.name != "interfaces":
            warn("; ".join([finding.what, *finding.mend]))
    try:
        # All that may need root; whatever plugins do is done without.
        with bind(settings) as bound:
            secrets.read(settings, warn, before=account)
            become_server(account, ctx.obj, settings)
            booter_class, everything = settled_again(account, settle, first)
            with told_as(account):
                secrets.read(settings, warn)
                core = _assembled(logger, ctx.obj, booter_class, everything, secrets)
            # Which plugins' libraries may have changed: a client that goes away must not end us.
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            for line in unread_variables(ctx, os.environ):
                logger.warning(line, subsystem="Init")
            _say_who_we_are(logger, account, settings)
            app = App(settings, core, bound, secrets.token)
            manager, table = ServiceManager(os.environ), LiveTable(lines, core)

            def stop() -> None:
                manager.stopping()
                app.request_stop()

            def reload() -> None:
                manager.reloading()
                app.request_reload(done=lambda: manager.ready(_for_whom(settings)))

            soon = gevent.get_hub().loop.run_callback_threadsafe
            with (
                listening(logger, settings.debug, soon),
                stopping(stop, watch(core.plugins.report).culprit),
                reloading(hangups, reload, stop),
            ):
                try:
                    with told_as(account):
                        app.start()
                    if is_wanted(settings):
                        table.start()
                    _serve(app, manager)
                finally:
                    table.stop()
                    core.files.stop()
                    lines.finish()
    finally:
        lines.finish()


def _assembled(
    logger: structlog.typing.FilteringBoundLogger,
    platform: Platform,
    booter_class: type[Any],
    everything: Settled,
    secrets: Secrets,
) -> Core:
    """Everything between the ports and the plugins.

    :raises ConfigError: a file or folder that the user named cannot be used, or a plugin's settings
    :raises PluginError: a plugin refuses
    """
    settings = everything.server

    def register(manager: PluginManager) -> None:
        booter = construct(booter_class, everything.booter)
        register_all(manager, platform, booter, everything.policies, settings.plugin_order)

    parts = Parts(
        register,
        find=partial(find_first_stages, settings),
        open_files=partial(open_files, settings),
        open_sealer=lambda warn: secrets.sealer or open_sealer(settings, warn),
        open_signing=partial(open_signing, settings, secrets.signing_key),
        signs=signs(settings),
        url_lifetime=settings.url_lifetime,
        syslog=settings.syslog_place(),
        uefi_direct=direct(settings),
        offer_variants=settings.offer_variant,
        open_memory=partial(open_offer_memory, settings),
        open_history=partial(open_history, settings),
        open_traces=partial(_open_traces, settings.otlp_endpoint),
        pi_firmware=pi_firmware(settings),
        hardware=hardware_addresses,
        neighbours=hardware_addresses if settings.check_neighbour else None,
        boot_retries=settings.boot_retries,
        hook_timeout=settings.hook_timeout,
        event_timeout=settings.event_timeout,
    )
    return assemble(logger, parts, details=settings.log_format == "json")


def _open_traces(endpoint: str | None, warn: Callable[[str], None]) -> Send | None:
    return open_otlp(endpoint, __version__, warn) if endpoint is not None else None


def _say_who_we_are(
    logger: structlog.typing.FilteringBoundLogger, account: Account | None, settings: ServerSettings
) -> None:
    if account is not None:
        logger.info(f"Goes on as user {account.name}, without any privilege", subsystem="Init")
    elif os.geteuid() == 0 and settings.user is None:
        logger.warning(
            f"Stays root: there is no user {SERVICE_USER!r}, and --user names none; to make one: useradd --system "
            f"--no-create-home --shell /usr/sbin/nologin {SERVICE_USER}",
            subsystem="Init",
        )


def _serve(app: App, manager: ServiceManager) -> None:
    logger = app.core.logger
    missing = [loader for loader in app.core.decider.loaders.missing() if loader.usual]
    if missing:
        machines = ", ".join(loader.serves for loader in missing)
        logger.warning(f"No iPXE is installed for {machines}; see: pixiecore firmware", subsystem="Init")
    where = ", ".join(f"{name} on port {server.port}" for name, server in app.servers.items())
    for_whom = _for_whom(app.settings)

    def ready() -> None:
        # What is here now stays: looking through all of it for garbage, again and again, is time that a machine waits.
        gc.collect()
        gc.freeze()
        logger.info(f"Ready: Pixiecore {__version__} answers {where}; {for_whom}", subsystem="Init")
        manager.ready(for_whom)

    app.run(ready)
    logger.info("Stopped", subsystem="Init")


def _for_whom(settings: ServerSettings) -> str:
    """The networks that are served, as far as they can be seen now."""
    served = Interfaces(settings.interface, settings.listen_addr)
    names = [
        f"{interface.name} ({interface.addresses[0]})"
        for found in read_interfaces()
        if (interface := served.served(found.index))
        # Nothing netboots from this host's own loopback, unless it was asked for.
        and (settings.interface or settings.listen_addr.is_loopback or not interface.addresses[0].is_loopback)
    ]
    return f"for machines on {', '.join(names)}" if names else "no interface to serve has an IPv4 address yet"


def _let_no_greenlet_end_us() -> None:
    """A plugin that says ``sys.exit()`` in a greenlet of its own ends that greenlet, and leaves a traceback. So does
    one whose C code is broken, which Python tells by SystemError.
    """
    hub = gevent.get_hub()
    hub.SYSTEM_ERROR = ()
    hub.NOT_ERROR = (gevent.GreenletExit,)
    show = hub.print_exception
    # One that repeats itself, such as MemoryError, must not fill the disk too.
    quota: Quota[str] = Quota(_TRACEBACKS, _TRACEBACKS_SECONDS)

    def print_exception(context: object, *error: Any) -> None:
        if context is None:
            return  # a signal handler's, which goes to the main greenlet: App.run tells of it
        now, kind = time.monotonic(), f"{error[0].__name__}{_place(error[2])}"
        for left_out in quota.ended(now):
            say(f"{left_out.number} more of these were not printed: {left_out.example}", "warning")
        if quota.allows(kind, kind, None, now):
            show(context, *error)

    hub.__dict__["print_exception"] = print_exception


def _place(trace: TracebackType | None) -> str:
    """Where an error was raised."""
    frames = list(traceback.walk_tb(trace))
    return f" in {frames[-1][0].f_code.co_filename}, line {frames[-1][1]}" if frames else ""


def _raise_descriptor_limit() -> None:
    """A room of machines needs two descriptors each; most systems begin with 1024 and allow far more for the asking."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

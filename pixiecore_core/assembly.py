"""Puts bus, plugins and engine together: once, for the server, the dry run and the kit.

The caller says which plugins there are, where loaders are looked for and where lines go. Opens no socket and starts
nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from pixiecore_core import __version__
from pixiecore_core.boot.identify import Neighbours
from pixiecore_core.boot.tokens import Sealer
from pixiecore_core.boot.urls import SyslogPlace, UrlMaker
from pixiecore_core.boot.variants import VariantTable
from pixiecore_core.defaults import Defaults
from pixiecore_core.engine.adapting import Adapter
from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.engine.callers import Callers
from pixiecore_core.engine.chain_files import ChainFiles
from pixiecore_core.engine.deciding import Decider
from pixiecore_core.engine.first_stage import FirstStage
from pixiecore_core.engine.first_step import Mode
from pixiecore_core.engine.naming import BootFileNames
from pixiecore_core.engine.neighbours import Neighbourhood
from pixiecore_core.engine.offer_memory import OfferMemory
from pixiecore_core.engine.pi_files import PiFiles
from pixiecore_core.engine.scripting import ScriptWriter
from pixiecore_core.engine.system_log import SystemLog
from pixiecore_core.engine.u_boot_files import UBootFiles
from pixiecore_core.engine.unifying import Sign, Unifier
from pixiecore_core.errors import PluginError
from pixiecore_core.files.plane import FilePlane
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models.facts import Failed, PluginFailed, Subsystem
from pixiecore_core.observe.bus import Bus
from pixiecore_core.observe.changes import Changes
from pixiecore_core.observe.fact_log import FactLog
from pixiecore_core.observe.frames import LastFrames
from pixiecore_core.observe.history import History
from pixiecore_core.observe.hook_metrics import HookMetrics
from pixiecore_core.observe.metrics import Metrics
from pixiecore_core.observe.progress import Progress
from pixiecore_core.observe.reporter import PluginReporter
from pixiecore_core.observe.traces import Send, Traces
from pixiecore_core.plugins.blame import CORE
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.plugins.observing import Observe

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """What one assembly is made of, where that differs.

    :param register: registers the booter and the plugins, in this order
    :param find: looks for the loaders of a table of firmware
    :param open_files: opens the file plane, and may warn, even later
    :param open_sealer: opens the key of our URLs, and may warn
    """

    register: Callable[[PluginManager], None]
    find: Callable[[FirmwareTable], FoundLoaders]
    open_files: Callable[[Warn], FilePlane] = lambda warn: FilePlane()
    open_sealer: Callable[[Warn], Sealer] = lambda warn: Sealer()
    open_signing: Callable[[FilePlane, FoundLoaders], Sign | None] = lambda files, loaders: None
    """Opens what signs files for Secure Boot, if anything is to."""
    signs: bool = False
    """Whether anything is to be signed."""
    url_lifetime: float | None = None
    syslog: SyslogPlace | None = None
    """Where booted systems may send their syslog."""
    uefi_direct: Mode = "auto"
    offer_variants: Sequence[str] = ()
    """Ways to answer by hand, as ``--offer-variant`` takes them."""
    open_memory: Callable[[Warn], OfferMemory] = lambda warn: OfferMemory()
    """Opens what is remembered of machines' firmware, and may warn, even later."""
    open_history: Callable[[Attempts, Warn], History | None] = lambda attempts, warn: None
    """Opens what keeps machines' attempts, and may warn, even later."""
    open_traces: Callable[[Warn], Send | None] = lambda warn: None
    """Opens what sends traces of attempts, and may warn, even later."""
    pi_firmware: Path | None = None
    """The folder with firmware for Raspberry Pis."""
    hardware: Neighbours = lambda address: ()
    """The hardware addresses of a client on a link of ours."""
    neighbours: Neighbours | None = None
    """Where a script or a file is only for the machine that it is made for."""
    boot_retries: int = 2
    """How often a machine tries its boot again after a step of its script has failed."""
    hook_timeout: float = 10.0
    event_timeout: float = 2.0
    observe: Observe | None = None
    """Told of every answer of a plugin, for a dry run."""
    clock: Callable[[], float] = time.monotonic
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Core:
    """Everything between the wire and the plugins, ready to be asked."""

    logger: structlog.typing.FilteringBoundLogger
    bus: Bus
    progress: Progress
    changes: Changes
    metrics: Metrics
    attempts: Attempts
    history: History | None
    adapter: Adapter
    plugins: PluginManager
    files: FilePlane
    decider: Decider
    scripts: ScriptWriter
    first_stage: FirstStage
    urls: UrlMaker
    names: BootFileNames
    neighbours: Neighbours | None
    neighbourhood: Neighbourhood
    """The other DHCP and proxy servers, as far as they are heard."""
    traces: Traces | None
    system_log: SystemLog | None
    """What booted systems say by syslog, where that is taken."""
    frames: LastFrames = field(default_factory=LastFrames)
    """What was said last with each machine."""


def assemble(logger: structlog.typing.FilteringBoundLogger, parts: Parts, details: bool = False) -> Core:
    """Put a core together.

    :param details: whether log lines carry the facts' fields separately, as JSON lines do
    :raises ConfigError: a plugin's hooks, settings or firmware, or a file that the user named, is not usable
    :raises PluginError: a plugin failed
    """
    bus, attempts, log = Bus(), Attempts(clock=parts.clock), FactLog(logger, details, parts.clock)
    changes = Changes()

    def report(error: PluginError, mac: str | None) -> None:
        bus.report(PluginFailed(plugin=error.plugin, hook=error.hook, reason=error.reason, place=error.place, mac=mac))
        if error.__cause__ is not None:
            logger.debug("Where that came from:", subsystem="Plugin", exc_info=error.__cause__)

    hooks = HookMetrics()
    plugins = PluginManager(report, parts.hook_timeout, parts.event_timeout, parts.observe, hooks.of)
    traced: Counter[str] = Counter()

    def cached() -> Mapping[str, int]:
        return files.counts()  # which are opened below

    metrics = Metrics(attempts, hooks, __version__, plugins.events_lost, cached, lambda: traced, parts.clock)
    bus.subscribe(attempts.add)
    bus.subscribe(changes.hear)
    bus.subscribe(metrics.count, drop=metrics.drop)
    bus.subscribe(log.write, aside=log.write_aside)
    bus.subscribe(plugins.publish)
    files: FilePlane = parts.open_files(_warner(bus, "Files"))  # once there is somebody whom it can warn
    parts.register(plugins)
    loaders = parts.find(KNOWN.extended(plugins.register_firmware()))
    metrics.boots.know(loaders.table.architectures())
    # Asked last, whatever is registered after it: its hooks say so themselves.
    plugins.register(Defaults(loaders, files, plugins.cmdline_functions, parts.boot_retries), CORE)
    plugins.take_reporter(lambda name: PluginReporter(name, bus, metrics))
    variants = VariantTable(plugins.register_offer_variants())
    urls = UrlMaker(parts.open_sealer(_warner(bus, "Init")), parts.url_lifetime, parts.syslog)
    decider = Decider(
        plugins, loaders, attempts, parts.clock, parts.uefi_direct, parts.pi_firmware is not None, parts.signs
    )
    steps = decider.first_steps
    adapter = Adapter(
        variants,
        attempts,
        parts.open_memory(_warner(bus, "Init")),
        plugins,
        has_other_loader=lambda request: steps.other_loader(request) is not None,
        pinned=variants.pinned(parts.offer_variants),
        clock=parts.clock,
    )
    bus.subscribe(adapter.hear)
    system_log = SystemLog(Callers(parts.clock)) if parts.syslog is not None else None
    if system_log is not None:
        bus.subscribe(system_log.hear)
    history = parts.open_history(attempts, _warner(bus, "Init"))
    if history is not None:
        bus.subscribe(history.hear)
    send = parts.open_traces(_warner(bus, "Init"))
    traces = Traces(attempts, send, traced, parts.clock) if send is not None else None
    if traces is not None:
        bus.subscribe(traces.hear)
    sign = parts.open_signing(files, loaders)
    return Core(
        logger,
        bus,
        Progress(),
        changes,
        metrics,
        attempts,
        history,
        adapter,
        plugins,
        files,
        decider,
        ScriptWriter(plugins, decider),
        FirstStage(
            plugins,
            loaders.table,
            Unifier(plugins, decider, urls, parts.neighbours, sign=sign),
            ChainFiles(plugins, decider, urls, parts.neighbours, bus.report),
            UBootFiles(plugins, decider, urls, parts.neighbours, parts.hardware, bus.report),
            PiFiles(plugins, urls, parts.pi_firmware),
        ),
        urls,
        BootFileNames(steps, urls),
        parts.neighbours,
        Neighbourhood(opens=lambda token: urls.sealer.open_origin(token) is not None),
        traces,
        system_log,
    )


def _warner(bus: Bus, via: Subsystem) -> Warn:
    return lambda text: bus.report(Failed(via=via, step="server", reason=text))

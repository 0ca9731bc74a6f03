"""The typed face of pluggy: one method for each hook, with that hook's failure policy.

Nothing else touches pluggy. Every implementation runs behind a guard that times it, checks what it returns and puts the
plugin's name on whatever goes wrong. Does not load plugins (loader.py) and decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import gevent
import pluggy

from pixiecore_core import hookspecs
from pixiecore_core.errors import BootFileError, BootFileNotFound, ConfigError, PluginError
from pixiecore_core.firmware.rows import Firmware
from pixiecore_core.hookspecs import PROJECT
from pixiecore_core.models import (
    BootFile,
    BootSpec,
    Fact,
    FileRef,
    GiveUp,
    Hold,
    Ignore,
    LocalDisk,
    Machine,
    MachineAction,
    OfferVariant,
    PageAnswer,
    PageRequest,
    PxeRequest,
    Retry,
    UrlFor,
)
from pixiecore_core.models.facts import Noted, PluginFailed, StepFailed
from pixiecore_core.plugins import showing
from pixiecore_core.plugins.additions import Route, routes_of, rows_of
from pixiecore_core.plugins.blame import CORE
from pixiecore_core.plugins.guard import ANSWERED_BY, Guarded, Took, guard, named
from pixiecore_core.plugins.listeners import Listener, hearing
from pixiecore_core.plugins.observing import Observe

_MOST_REFERRALS = 3
"""How many times a plugin may name another file instead of opening one."""

Report = Callable[[PluginError, str | None], None]
"""Told of each failure of a plugin, and whose boot it was, if any machine's."""


class PluginManager:
    """Holds the registered plugins and calls their hooks.

    :param report: told of every failure that is swallowed here by a hook's policy
    :param policy_timeout: seconds that one plugin may take for one answer
    :param event_timeout: seconds that one plugin may take for one event
    :param observe: told of every answer, for a dry run
    :param measure: makes what is told how long calls take, for a plugin and a hook
    """

    def __init__(
        self,
        report: Report,
        policy_timeout: float = 10.0,
        event_timeout: float = 2.0,
        observe: Observe | None = None,
        measure: Callable[[str, str], Took] = lambda plugin, hook: lambda seconds: None,
    ) -> None:
        self._measure = measure
        self.report = report
        self._observe = observe
        self._policy_timeout = policy_timeout
        self._event_timeout = event_timeout
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self._listeners: list[Listener] = []

    def register(self, plugin: object, name: str) -> None:
        """Add a plugin; one registered later is asked earlier.

        :raises ConfigError: the name is taken, or a hook or an argument of it does not exist
        """
        if self._pluggy.has_plugin(name):
            raise ConfigError(f"plugin {name!r}", "two installed plugins have this name; disable or remove one")

        def limit(hook: str) -> float | None:
            # The core's own implementations keep time limits that fit their work: an upstream may be slow for minutes.
            if name == CORE or hook.startswith("register_"):
                return None
            return self._event_timeout if hook == "on_event" else self._policy_timeout

        guarded = Guarded(
            self._pluggy, plugin, name, limit, self._observe, partial(self._report_of, None), self._measure
        )
        try:
            self._pluggy.register(guarded, name)
            self._pluggy.check_pending()
        except pluggy.PluginValidationError as error:
            raise ConfigError(f"plugin {name!r}", " ".join(str(error).split())) from error

    def events_lost(self) -> dict[str, int]:
        """How many events each slow plugin has missed."""
        return {listener.plugin: listener.lost for listener in self._listeners if listener.lost}

    def names(self) -> list[str]:
        """The plugins' names in the order in which they are asked."""
        return [name for name, _ in reversed(self._pluggy.list_name_plugin())]

    def hooks_of(self, name: str) -> list[str]:
        """Which hooks the plugin *name* implements."""
        plugin = self._pluggy.get_plugin(name)
        callers = self._pluggy.get_hookcallers(plugin) if plugin is not None else None
        return sorted(caller.name for caller in callers or [])

    def hooks_in(self, offered: type[Any]) -> list[str]:
        """Which hooks a booter's or policy's class implements, without making one."""
        options = ((name, self._pluggy.parse_hookimpl_opts(offered, name)) for name in dir(offered))
        return sorted(found.get("specname") or name for name, found in options if found is not None)

    def provides_bootloaders(self) -> bool:
        """Whether a plugin other than the core's own chooses first-stage files."""
        implementations = self._pluggy.hook.provide_bootloader.get_hookimpls()
        return any(implementation.plugin_name != CORE for implementation in implementations)

    def register_booters(self, register: hookspecs.BooterRegistrar) -> None:
        """:raises PluginError: a plugin failed"""
        self._pluggy.hook.register_booters(register=register)

    def register_policies(self, register: hookspecs.PolicyRegistrar) -> None:
        """:raises PluginError: a plugin failed"""
        self._pluggy.hook.register_policies(register=register)

    def register_routes(self) -> dict[str, Route]:
        """Every plugin's pages, by path.

        :raises PluginError: a plugin failed, or offers a path that it cannot have
        """
        return routes_of(self._pluggy.hook.register_routes.get_hookimpls())

    def register_firmware(self) -> dict[str, list[Firmware]]:
        """Every plugin's rows for the table of firmware, by plugin.

        :raises PluginError: a plugin failed, or offers what is not a row
        """
        return rows_of(self._pluggy.hook.register_firmware.get_hookimpls(), "register_firmware", Firmware)

    def register_offer_variants(self) -> dict[str, list[OfferVariant]]:
        """Every plugin's ways to answer, by plugin.

        :raises PluginError: a plugin failed, or offers what is not a row
        """
        implementations = self._pluggy.hook.register_offer_variants.get_hookimpls()
        return rows_of(implementations, "register_offer_variants", OfferVariant)

    def take_reporter(self, make: Callable[[str], hookspecs.Reporter]) -> None:
        """Give each plugin a reporter of its own.

        :param make: makes one, for a plugin of this name
        :raises PluginError: a plugin failed
        """
        for implementation in self._pluggy.hook.take_reporter.get_hookimpls():
            implementation.function(*(make(implementation.plugin_name) for _ in implementation.argnames))

    def register_commands(self, commands: hookspecs.CommandRegistrar) -> None:
        """:raises PluginError: a plugin failed"""
        self._pluggy.hook.register_commands(commands=commands)

    def on_startup(self) -> None:
        """Tell every plugin, and begin to deliver events.

        :raises PluginError: a plugin failed
        """
        for implementation in self._pluggy.hook.on_event.get_hookimpls():
            self._listeners.append(Listener(implementation.plugin_name, hearing(implementation), self.report))
        self._pluggy.hook.on_startup()

    def on_reload(self) -> None:
        """Tell every plugin to read its files again; a failure is reported."""
        for implementation in self._pluggy.hook.on_reload.get_hookimpls():
            try:
                implementation.function()
            except PluginError as error:
                self.report(error, None)

    def on_shutdown(self, seconds: float) -> None:
        """Tell every plugin, all at the same time; a failure, or taking longer than *seconds*, is reported.

        Before that they hear of what has happened, in at most the same time again.
        """
        gevent.joinall([gevent.spawn(listener.finish, seconds) for listener in self._listeners])

        def tell(implementation: pluggy.HookImpl) -> None:
            try:
                implementation.function()
            except PluginError as error:
                self.report(error, None)

        told = {gevent.spawn(tell, one): one for one in self._pluggy.hook.on_shutdown.get_hookimpls()}
        gevent.joinall(list(told), timeout=seconds)
        for greenlet, implementation in told.items():
            if not greenlet.dead:
                greenlet.kill(block=False)
                self.report(PluginError(implementation.plugin_name, "on_shutdown", f"took over {seconds:g} s"), None)
        for listener in self._listeners:
            listener.stop()

    def on_pxe_request(self, request: PxeRequest) -> Ignore | None:
        """A refusal, or ``None``. Fails closed: a plugin that breaks refuses the request."""
        if not self._pluggy.hook.on_pxe_request.get_hookimpls():
            return None  # in most installations; the call would cost a tenth of the whole answer
        ANSWERED_BY.set("")
        try:
            answers: list[Ignore] = self._pluggy.hook.on_pxe_request(request=request)
        except PluginError as error:
            self.report(error, request.machine.mac)
            return Ignore(reason=str(error))
        return named(answers[0]) if answers else None

    def pick_offer(self, request: PxeRequest, variants: Sequence[str]) -> str | None:
        """The first opinion, if it is one of *variants*; a plugin that fails is reported, and has none."""
        for implementation in reversed(self._pluggy.hook.pick_offer.get_hookimpls()):
            known: dict[str, object] = {"request": request, "variants": tuple(variants)}
            try:
                name = implementation.function(*(known[name] for name in implementation.argnames))
                if name is not None and name not in variants:
                    reason = f"there is no variant {name!r} for this request; there are {', '.join(variants)}"
                    raise PluginError(implementation.plugin_name, "pick_offer", reason)
            except PluginError as error:
                self.report(error, request.machine.mac)
                continue
            if name is not None:
                return str(name)
        return None

    def select_boot(self, machine: Machine) -> BootSpec | Ignore | Hold | LocalDisk:
        """The first opinion; :class:`Ignore` where there is none.

        :raises PluginError: a plugin failed, and was reported
        """
        ANSWERED_BY.set("")
        try:
            answer: BootSpec | Ignore | Hold | LocalDisk | None = self._pluggy.hook.select_boot(machine=machine)
        except PluginError as error:
            self.report(error, machine.mac)
            raise
        if answer is None:
            return Ignore(reason="no plugin has anything to boot it with")
        if isinstance(answer, Ignore):
            return named(answer)
        return named(answer) if isinstance(answer, Hold) else answer

    def provide_bootloader(self, loader: str, machine: Machine) -> BootFile | None:
        """The first file offered; a provider that fails is reported and the next one asked.

        :raises BootFileError: a provider knows the file and cannot open it
        """
        for implementation in reversed(self._pluggy.hook.provide_bootloader.get_hookimpls()):
            known: dict[str, object] = {"loader": loader, "machine": machine}
            try:
                file = cast(
                    "BootFile | None", implementation.function(*(known[name] for name in implementation.argnames))
                )
            except PluginError as error:
                self.report(error, machine.mac)
                continue
            except BootFileError as error:
                if implementation.plugin_name == CORE:
                    raise
                self.report(PluginError(implementation.plugin_name, "provide_bootloader", str(error)), machine.mac)
                continue
            if file is not None:
                return file
        return None

    def cmdline_functions(self, machine: Machine, url_for: UrlFor) -> dict[str, hookspecs.CmdlineFunction]:
        """What every plugin adds to the command line's templates; the plugin that is asked first wins a name.

        :raises PluginError: a plugin failed
        """
        functions: dict[str, hookspecs.CmdlineFunction] = {}
        for answer in self._pluggy.hook.cmdline_functions(machine=machine, url_for=url_for):
            for name, function in answer.items():
                functions.setdefault(name, function)
        return functions

    def page(self, route: Route, request: PageRequest) -> PageAnswer:
        """What a plugin's page answers.

        :raises PluginError: it failed, and was reported
        """
        try:
            report = partial(self._report_of, request.mac)
            answer: PageAnswer | None = guard(route.page, route.plugin, "page", self._policy_timeout, report)(request)
            if answer is None:
                raise PluginError(route.plugin, "page", "answered nothing")
            return answer
        except PluginError as error:
            self.report(error, request.mac)
            raise

    def policies_in_words(self) -> dict[str, str]:
        """What each plugin says that it does, in the order in which they are asked; one that fails is reported."""
        return showing.policies_in_words(self._pluggy.hook.policy_in_words.get_hookimpls(), self.report)

    def machine_actions(self, machine: Machine) -> list[tuple[str, MachineAction]]:
        """What can be done about a machine, and by which plugin; one that fails is reported."""
        return showing.machine_actions(self._pluggy.hook.machine_actions.get_hookimpls(), self.report, machine)

    def act(self, plugin: str, action: MachineAction, mac: str) -> str:
        """Do something about a machine; what came of it.

        :raises PluginError: it failed, and was reported
        """
        try:
            report = partial(self._report_of, mac)
            said: str | None = guard(action.run, plugin, "action", self._policy_timeout, report)()
            return said or "done"
        except PluginError as error:
            self.report(error, mac)
            raise

    def render_cmdline(self, machine: Machine, spec: BootSpec, url_for: UrlFor) -> str:
        """The kernel command line.

        :raises PluginError: a plugin failed, and was reported
        :raises CmdlineError: the template is unusable
        """
        return self._reported(
            machine, lambda: self._pluggy.hook.render_cmdline(machine=machine, spec=spec, url_for=url_for)
        )

    def render_script(self, machine: Machine, spec: BootSpec, cmdline: str, url_for: UrlFor) -> str:
        """The iPXE script.

        :raises PluginError: a plugin failed, and was reported
        """
        hook = self._pluggy.hook.render_script
        return self._reported(machine, lambda: hook(machine=machine, spec=spec, cmdline=cmdline, url_for=url_for))

    def open_boot_file(self, ref: FileRef, mac: str | None, url_for: UrlFor) -> BootFile:
        """The opened file.

        :param url_for: makes URLs for the same machine

        :raises BootFileError: it is not available
        :raises PluginError: a plugin failed, and was reported
        """
        for _ in range(_MOST_REFERRALS):
            try:
                file: BootFile | FileRef | None = self._pluggy.hook.open_boot_file(ref=ref, url_for=url_for)
            except PluginError as error:
                self.report(error, mac)
                raise
            if file is None:
                raise BootFileNotFound(f"no plugin opens {ref.location!r}")
            if isinstance(file, BootFile):
                return file
            ref = file
        raise BootFileError(f"{ref.location!r} keeps leading to other files")

    def on_boot_failure(self, machine: Machine, failure: StepFailed, failures: int) -> Retry | GiveUp:
        """What a machine does whose script has failed; it gives up where a plugin fails, which is reported."""
        hook = self._pluggy.hook.on_boot_failure
        try:
            answer: Retry | GiveUp | None = hook(machine=machine, failure=failure, failures=failures)
        except PluginError as error:
            self.report(error, machine.mac)
            return GiveUp()
        return answer or GiveUp()

    def publish(self, fact: Fact, sentence: str) -> None:
        """Queue a fact for every plugin that listens. Never waits."""
        if isinstance(fact, PluginFailed):
            return  # a plugin that fails on every fact must not be fed its own failures
        author = fact.plugin if isinstance(fact, Noted) else None
        for listener in self._listeners:
            if listener.plugin == author:
                continue  # or one that notes what it hears would never end
            # Each its own values, which it may change; the timeline keeps the original.
            own = fact.model_copy(update={"values": dict(fact.values)}) if isinstance(fact, Noted) else fact
            listener.put(own, sentence)

    def _report_of(self, mac: str | None, error: PluginError) -> None:
        self.report(error, mac)

    def _reported(self, machine: Machine, call: Callable[[], Any]) -> str:
        try:
            text = call()
            if not isinstance(text, str):
                raise PluginError(CORE, "render", "no plugin rendered anything")
            return text
        except PluginError as error:
            self.report(error, machine.mac)
            raise

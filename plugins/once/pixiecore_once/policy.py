"""The policy: a machine that has booted is left to its own disk, or sent there.

One boot asks several times, so nothing is decided when it is asked: a machine has booted when the script says that
everything is loaded, or, where the command line holds ``{{ DONE }}``, when the booted system calls that URL. No machine
boots while that could not be written. Does nothing, and opens no file, until it is switched on.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pixiecore_core import (
    Booting,
    CmdlineFunction,
    ConfigError,
    Fact,
    Hold,
    Ignore,
    LocalDisk,
    Machine,
    MachineAction,
    PageAnswer,
    PageRequest,
    Reporter,
    RouteRegistrar,
    ScriptSent,
    StateError,
    StateStore,
    UrlFor,
    hookimpl,
    user_folder,
)
from pixiecore_once.state import MOST, States, has_loaded, is_sent_its_script
from pixiecore_once.unsettled import Unsettled

DONE_PATH = "/once/done"
"""Notes that the machine is done, and answers when that is kept; the query is as ``{{ DONE }}`` made it. 403 for a URL
that was not made for a machine, 503 where it cannot be written: ask again. Only with --once-enabled."""

_log = logging.getLogger("pixiecore.once")


def default_database() -> Path:
    """Where the state is kept by default."""
    return user_folder("state") / "once.sqlite"


class OnceSettings(BaseModel):
    """The policy's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(
        default=False, description="boot each machine from the network once, then leave it to its disk"
    )
    database: Path = Field(
        default_factory=default_database,
        description="SQLite file that remembers which machines have booted",
        json_schema_extra={"metavar": "PATH", "shown": "once.sqlite in the state folder"},
    )
    unknown: Literal["boot", "ignore"] = Field(
        default="boot",
        description="what to do with a machine that was not armed and has not booted yet: boot or ignore",
        json_schema_extra={"metavar": "boot|ignore"},
    )
    then: Literal["ignore", "local"] = Field(
        default="ignore",
        description="what to do with a machine that has booted: leave it alone, or send it to its disk at once, where "
        "its firmware and iPXE can: ignore or local",
        json_schema_extra={"metavar": "ignore|local"},
    )


class Once:
    """Boots each machine once; inert until it is switched on."""

    name = "once"
    Settings = OnceSettings

    def __init__(self, settings: OnceSettings) -> None:
        self._settings = settings
        self._given: set[str] = set()  # machines whose script, about to be sent, holds a completion URL
        self._reporter: Reporter | None = None
        self._states: States | None = None
        if not settings.enabled:
            _refuse_half_a_configuration(settings)
            # Off, it is asked and told nothing: to queue every fact for it would cost each offer 10 µs.
            self.select_boot = self.on_event = None  # type: ignore[method-assign, assignment]
            return
        self._states = States(settings.database)
        self._unsettled = Unsettled(self._states)
        self._states.store.prepare("--once-database")

    @hookimpl
    def take_reporter(self, reporter: Reporter) -> None:
        """For the machines' timelines."""
        self._reporter = reporter

    @hookimpl
    def select_boot(self, machine: Machine) -> Ignore | Hold | LocalDisk | None:
        """A refusal, or the way to its disk, for a machine that has booted; nothing for one that may boot."""
        if self._states is None:
            return None
        try:
            self._unsettled.settle(machine.mac)
        except StateError as error:
            return _held("it has booted, but that cannot be written at the moment", error)
        try:
            refusal = self._refusal(machine.mac, self._states)
        except StateError as error:
            return _held("cannot read at the moment whether it has booted", error)
        if refusal is not None:
            return refusal
        try:
            self._unsettled.settle_failed()
        except StateError as error:
            return _held("could not write at the moment that it boots", error)
        return None

    @hookimpl
    def cmdline_functions(self, machine: Machine, url_for: UrlFor) -> dict[str, CmdlineFunction]:
        """``{{ DONE }}``: the URL that the booted system calls when it needs no other boot."""
        if self._states is None:
            return {}

        def done() -> str:
            # Noted when the script is sent: pixiecore select renders it too, and sends nothing.
            self._given.add(machine.mac)
            return url_for.page(DONE_PATH)

        return {"DONE": done}

    @hookimpl
    def on_event(self, fact: Fact) -> None:
        """The machine has loaded everything: that is its one boot, unless it was asked to say so itself."""
        if fact.mac is None or self._states is None:
            return
        if isinstance(fact, ScriptSent) and fact.mac in self._given:
            self._given.discard(fact.mac)
            self._unsettled.begin(fact.mac, is_sent_its_script())
        if isinstance(fact, Booting):
            self._unsettled.begin(fact.mac, has_loaded())

    @hookimpl
    def register_routes(self, routes: RouteRegistrar) -> None:
        """The page behind ``{{ DONE }}``."""
        if self._states is not None:
            routes(DONE_PATH, self._done)

    @hookimpl
    def policy_in_words(self) -> str | None:
        """What becomes of machines that have booted, and of others."""
        if self._states is None:
            return None
        then = "are sent on to their disks" if self._settings.then == "local" else "are ignored"
        first = "" if self._settings.unknown == "boot" else ", and only if they are armed"
        return f"machines boot once{first}; then they {then}"

    @hookimpl
    def machine_actions(self, machine: Machine) -> list[MachineAction] | None:
        """To arm it, where it would not boot else."""
        if self._states is None:
            return None
        known = self._states.of(machine.mac)
        may_boot = self._settings.unknown == "boot" if known is None else known.state != "done"
        if may_boot:
            return None
        about = "let it boot from the network once more, at its next request"
        run = partial(self._arm, machine.mac, self._states)
        return [MachineAction(name="arm", title="Arm", about=about, run=run)]

    @hookimpl
    def on_startup(self) -> None:
        """See that the database can be written before any machine boots.

        :raises ConfigError: it cannot
        """
        if self._states is not None:
            try:
                self._states.store.probe()
            except StateError as error:
                raise ConfigError("--once-database", str(error)) from error
        elif "enabled" not in self._settings.model_fields_set and StateStore(self._settings.database).is_there:
            _log.warning(
                "it is off: machines boot again, even if %s says that they have booted; --once-enabled switches it on",
                self._settings.database,
            )

    @hookimpl
    def on_shutdown(self) -> None:
        """Write what is not written yet."""
        if self._states is not None:
            self._unsettled.settle_all()

    def _arm(self, mac: str, states: States) -> str:
        self._unsettled.settle(mac)
        states.set(mac, "armed")
        if self._reporter is not None:
            self._reporter.note(mac, f"{mac} is armed on the status page")
        return f"{mac} is armed"

    def _refusal(self, mac: str, states: States) -> Ignore | LocalDisk | None:
        known = states.of(mac)
        if known is None:
            if self._settings.unknown == "boot":
                if not states.is_full():
                    return None
                return Ignore(reason=f"{MOST:,} machines are remembered, and no more can be: pixiecore once clear MAC")
            return Ignore(reason=f"it is not armed; to boot it: pixiecore once arm {mac}")
        if known.state != "done":
            return None
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(known.since))
        reason = f"it has booted once, on {when}; to boot it again: pixiecore once arm {mac}"
        return LocalDisk(reason=reason) if self._settings.then == "local" else Ignore(reason=reason)

    def _done(self, request: PageRequest) -> PageAnswer:
        if request.mac is None or self._states is None:
            return PageAnswer(status=403, text="this URL was not made for a machine\n")
        try:
            self._states.set(request.mac, "done")
        except StateError as error:
            reason = f"{request.mac} is not done, because that could not be written: {error}"
            return PageAnswer(status=503, text=f"{reason}\n")
        if self._reporter is not None:
            self._reporter.note(request.mac, f"{request.mac} says that it is done ({request.address})")
        return PageAnswer(text=f"{request.mac} has booted once\n")


def _held(what: str, error: StateError) -> Hold:
    """Where the database is, and what is wrong with it, is not for the machine."""
    return Hold(reason=f"{what}: {error}", told=what, seconds=2)


def _refuse_half_a_configuration(settings: OnceSettings) -> None:
    """A user who sets something means to boot each machine once, and would have them all installed at every start.

    :raises ConfigError: something is set that does nothing
    """
    if "enabled" in settings.model_fields_set:
        return  # the user said no
    for key in ("unknown", "then", "database"):
        if key in settings.model_fields_set:
            raise ConfigError(f"--once-{key}", "does nothing without --once-enabled")

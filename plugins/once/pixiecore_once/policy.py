"""The policy: a machine that has booted is left to its own disk.

One boot asks several times, so nothing is decided when it is asked: a machine has booted when the script says that
everything is loaded, or, where the command line holds ``{{ DONE }}``, when the booted system calls that URL.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pixiecore_core import (
    Booting,
    CmdlineFunction,
    Fact,
    Hold,
    Ignore,
    Machine,
    PageAnswer,
    PageRequest,
    RouteRegistrar,
    ScriptSent,
    UrlFor,
    hookimpl,
    user_folder,
)
from pixiecore_once.state import States

DONE_PATH = "/once/done"
"""Notes that the machine is done; the query is as ``{{ DONE }}`` made it. 403 for a URL that was not made for a
machine."""


def default_database() -> Path:
    """Where the state is kept unless somebody says otherwise."""
    return user_folder("state") / "once.sqlite"


class OnceSettings(BaseModel):
    """The policy's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database: Path = Field(
        default_factory=default_database,
        description="SQLite file that remembers which machines have booted",
        json_schema_extra={"metavar": "PATH", "shown": "once.sqlite in the state folder"},
    )
    unknown: Literal["boot", "ignore"] = Field(
        default="boot",
        description="what machines do that nobody has armed and that have not booted yet: boot or ignore",
        json_schema_extra={"metavar": "boot|ignore"},
    )


class Once:
    """Boots each machine once."""

    name = "once"
    Settings = OnceSettings

    def __init__(self, settings: OnceSettings) -> None:
        self._settings = settings
        self._states = States(settings.database)
        self._given: set[str] = set()  # machines whose script, about to be sent, holds a completion URL
        self._states.file.prepare("--once-database")

    @hookimpl
    def select_boot(self, machine: Machine) -> Ignore | Hold | None:
        """A refusal for a machine that has booted; nothing for one that may."""
        try:
            known = self._states.of(machine.mac)
        except sqlite3.OperationalError as error:
            return Hold(reason=f"whether it has booted cannot be read at the moment: {error}", seconds=2)
        if known is None:
            if self._settings.unknown == "boot":
                return None
            return Ignore(reason=f"nobody has armed it; to boot it: pixiecore once arm {machine.mac}")
        if known.state != "done":
            return None
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(known.since))
        return Ignore(reason=f"it has booted once, on {when}; to boot it again: pixiecore once arm {machine.mac}")

    @hookimpl
    def cmdline_functions(self, machine: Machine, url_for: UrlFor) -> dict[str, CmdlineFunction]:
        """``{{ DONE }}``: the URL that the booted system calls when it needs no other boot."""

        def done() -> str:
            # Noted when the script is sent: pixiecore select renders it too, and sends nothing.
            self._given.add(machine.mac)
            return url_for.page(DONE_PATH)

        return {"DONE": done}

    @hookimpl
    def on_event(self, fact: Fact) -> None:
        """The machine has loaded everything: that is its one boot, unless it was asked to say so itself."""
        if fact.mac is None:
            return
        if isinstance(fact, ScriptSent) and fact.mac in self._given:
            self._given.discard(fact.mac)
            self._states.set(fact.mac, "installing")
        if isinstance(fact, Booting):
            known = self._states.of(fact.mac)
            if known is None or known.state == "armed":
                self._states.set(fact.mac, "done")

    @hookimpl
    def register_routes(self, routes: RouteRegistrar) -> None:
        """The page behind ``{{ DONE }}``."""
        routes(DONE_PATH, self._done)

    def _done(self, request: PageRequest) -> PageAnswer:
        if request.mac is None:
            return PageAnswer(status=403, text="this URL was not made for a machine\n")
        self._states.set(request.mac, "done")
        return PageAnswer(text=f"{request.mac} has booted once\n")

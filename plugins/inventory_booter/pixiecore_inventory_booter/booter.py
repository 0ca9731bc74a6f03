"""The inventory booter: holds the last good inventory, answers with it, and loads it anew when its folder changes.

What cannot be used is reported in the log, with file and line, and changes nothing. Everything else is in the modules
beside this one.
"""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated

import gevent
import gevent.event
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pixiecore_core import (
    BootFile,
    BootSpec,
    CmdlineFunction,
    ConfigError,
    FileRef,
    Hold,
    Ignore,
    LocalDisk,
    Machine,
    UrlFor,
    hookimpl,
)
from pixiecore_inventory_booter import booting
from pixiecore_inventory_booter.booting import SCHEME, Unbootable
from pixiecore_inventory_booter.inventory import Inventory
from pixiecore_inventory_booter.loading import Loaded, load
from pixiecore_inventory_booter.matching import is_complete
from pixiecore_inventory_booter.problems import InventoryError, Problem
from pixiecore_inventory_booter.watching import Watcher

_MOST_TOLD = 5
_ANSWERS_KEPT = 2000

log = logging.getLogger("pixiecore.inventory")


def _absolute(value: Path) -> Path:
    return Path(os.path.abspath(value.expanduser()))


class InventorySettings(BaseModel):
    """The booter's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Annotated[Path, AfterValidator(_absolute)] = Field(
        description="folder with the inventory: YAML or TOML files, and what they name",
        json_schema_extra={"metavar": "FOLDER"},
    )


_NEVER_TOLD = (
    "a rule asks for its serial number, asset tag or another thing that only iPXE tells, and it boots without one: "
    "list it under machines, with its MAC address or UUID"
)
_SOMEWHERE = IPv4Address(0)


class InventoryBooter:
    """Boots each machine as a folder of YAML or TOML says."""

    name = "inventory"
    Settings = InventorySettings

    def __init__(self, settings: InventorySettings) -> None:
        self._folder = str(settings.folder)
        try:
            self._use(load(self._folder))
        except InventoryError as error:
            more = f"; see: pixiecore inventory check {self._folder}" if len(error.problems) > 1 else ""
            raise ConfigError("--folder", f"{error.problems[0]}{more}") from error
        self._told = ""
        self._wanted = gevent.event.Event()
        self._asked = False
        self._worker: gevent.Greenlet[[], None] | None = None
        self._watcher: Watcher | None = None

    def _use(self, loaded: Loaded) -> None:
        self._loaded = loaded
        # Asked at least three times a boot, and again with every retry; the answer depends on nothing else.
        self._decide = lru_cache(maxsize=_ANSWERS_KEPT)(self._decision)

    @property
    def inventory(self) -> Inventory:
        """The last good one."""
        return self._loaded.inventory

    @hookimpl
    def on_startup(self) -> None:
        """Watch the folder."""
        self._warn()
        self._worker = gevent.spawn(self._work)
        try:
            self._watcher = Watcher(self._folder, self._wanted.set, self._gone)
            self._wanted.set()  # for what was changed before the watch began
        except OSError as error:
            log.warning("changes to %s are seen only after a SIGHUP: %s", self._folder, error.strerror)

    @hookimpl
    def on_shutdown(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._watcher.stop()
        if self._worker is not None:
            self._worker.kill(block=False)

    @hookimpl
    def on_reload(self) -> None:
        """Have the folder loaded again, as SIGHUP asks; the log says what came of it."""
        self._asked = True
        self._wanted.set()

    def _gone(self, gone: bool) -> None:
        if gone:
            log.error(
                "%s is gone or cannot be read: what it said is still used, but files in it cannot be sent; put it back",
                self._folder,
            )
        else:
            log.info("%s is back", self._folder)

    def _work(self) -> None:
        """Load when asked: one after the other, however often it is asked meanwhile."""
        while True:
            self._wanted.wait()
            self._wanted.clear()
            asked, self._asked = self._asked, False
            try:
                self.load_again(tell=asked)
            except Exception:
                log.exception("not loaded again")
            if asked and self._watcher is not None:
                self._watcher.watch_again()

    def load_again(self, tell: bool = False) -> None:
        """Use what the folder holds now; if that cannot be used, say why, and go on as before.

        :param tell: say what came of it in any case
        """
        loaded = gevent.get_hub().threadpool.apply(_load, (self._folder,))
        if isinstance(loaded, InventoryError):
            if tell or str(loaded) != self._told:
                self._told = str(loaded)
                _tell(loaded)
            return
        changed = loaded.digest != self._loaded.digest
        repaired, self._told = bool(self._told), ""
        self._use(loaded)
        if changed or repaired or tell:
            what = loaded.inventory
            log.info(
                "loaded again: %d profiles, %d machines, %d groups",
                len(what.profiles),
                len(what.machines),
                len(what.groups),
            )
            self._warn()

    def _warn(self) -> None:
        for warning in self._loaded.warnings[:_MOST_TOLD]:
            log.warning("%s", warning)

    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec | Ignore | Hold | LocalDisk:
        """What the first rule that matches it says; before its script, perhaps only that there will be something."""
        return self._decide(machine)

    def _decision(self, machine: Machine) -> BootSpec | Ignore | Hold | LocalDisk:
        choice = self.inventory.choose(machine)
        if not choice.certain and self._never_certain(machine):
            return Ignore(reason=_NEVER_TOLD)
        if not choice.certain and is_complete(machine):
            return Ignore(reason="the interface it asked on is no longer known; start it again")
        if not choice.certain:
            return Hold(reason="what it boots depends on what it says when it asks for its script", seconds=1)
        if choice.target.local:
            return LocalDisk(reason=choice.target.why)
        if choice.target.bootable is None:
            return Ignore(reason=choice.target.why)
        try:
            return booting.spec(self.inventory, machine, choice, choice.target.bootable, self._folder)
        except Unbootable as error:
            if not is_complete(machine):
                return Hold(reason="where its kernel is depends on what it says when it asks for its script", seconds=1)
            return Ignore(reason=str(error))

    def _never_certain(self, machine: Machine) -> bool:
        """Whether a rule hangs on what a machine that boots without iPXE will not tell, even when it has an address."""
        placed = machine.model_copy(update={"address": machine.address or _SOMEWHERE})
        return machine.without_ipxe and not self.inventory.choose(placed).certain

    @hookimpl
    def cmdline_functions(self, machine: Machine, url_for: UrlFor) -> dict[str, CmdlineFunction]:
        """``{{ hostname }}``, and every other variable of the machine that is not a list."""
        choice = self.inventory.choose(machine)
        return dict(booting.words(self.inventory.variables_of(machine, choice)))

    @hookimpl
    def open_boot_file(self, ref: FileRef, url_for: UrlFor) -> BootFile | FileRef | None:
        """A file that is made for a machine, or where one is that is sent as it is."""
        if not ref.location.startswith(SCHEME):
            return None
        machine, name = booting.machine_of(ref.location)
        return booting.content(self.inventory, machine, name, self._folder, url_for)


def _load(folder: str) -> Loaded | InventoryError:
    """:func:`load`, for a thread: gevent writes a traceback for whatever is raised in one."""
    try:
        return load(folder)
    except InventoryError as error:
        return error
    except Exception as error:
        return InventoryError([Problem(folder, f"cannot be loaded: {type(error).__name__}: {error}")])


def _tell(error: InventoryError) -> None:
    for problem in error.problems[:_MOST_TOLD]:
        log.error("not used; what was there before still is: %s", problem)
    if len(error.problems) > _MOST_TOLD:
        log.error("and %d more problems", len(error.problems) - _MOST_TOLD)

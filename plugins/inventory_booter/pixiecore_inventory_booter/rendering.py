"""One file as one machine would get it, without a server: for people who look at what their templates make.

Decides nothing by itself: the choice, the words and the files are the booter's own. Fetches nothing.
"""

from __future__ import annotations

from urllib.parse import quote

from pixiecore_core import BootFile, BootFileError, FileRef, Machine, no_such
from pixiecore_inventory_booter import booting
from pixiecore_inventory_booter.booting import Unbootable
from pixiecore_inventory_booter.inventory import Bootable, Choice, Inventory

_SERVER = "http://192.0.2.1"
"""Stands for our server in URLs (RFC 5737); the real ones are sealed."""


class NotGiven(Exception):
    """Why a machine gets no such file, in a sentence."""


def rendered(inventory: Inventory, machine: Machine, name: str, folder: str) -> bytes:
    """What *machine* gets when it fetches the file *name*.

    :param folder: the inventory's
    :raises NotGiven: it gets no such file, or it is not ours to show
    """
    choice = inventory.choose(machine)
    who = choice.entry.name if choice.entry else machine.mac
    bootable = _bootable(inventory, machine, choice, who, folder)
    known = booting.file_names(bootable)
    if name not in known:
        raise NotGiven(f"{who} boots profile {bootable.name!r}: {no_such('file', name, known)}")
    try:
        found = booting.content(inventory, machine, name, folder, _Urls())
        return _bytes(found)
    except BootFileError as error:
        raise NotGiven(f"{who}: {error}") from error
    except OSError as error:
        raise NotGiven(f"{who}: {error.filename} cannot be read: {error.strerror}") from error


def _bootable(inventory: Inventory, machine: Machine, choice: Choice, who: str, folder: str) -> Bootable:
    if not choice.certain:
        raise NotGiven(f"what {who} boots depends on the interface that it asks on; say which with --interface")
    bootable = choice.target.bootable
    if bootable is None:
        raise NotGiven(f"{who} boots nothing: {choice.target.why}")
    try:
        booting.spec(inventory, machine, choice, bootable, folder)
    except Unbootable as error:
        raise NotGiven(f"{who} boots nothing: {error}") from error
    return bootable


def _bytes(found: BootFile | FileRef) -> bytes:
    if isinstance(found, BootFile):
        return found.source.read_at(0, found.size)
    if found.is_url:
        raise NotGiven(f"it is not made here, but fetched from {found.location}")
    with open(found.location, "rb") as file:
        return file.read()


class _Urls:
    """A url_for without a server."""

    def __call__(self, ref: FileRef, purpose: str = "file") -> str:
        name = booting.machine_of(ref.location)[1] if ref.location.startswith(booting.SCHEME) else ref.name
        return f"{_SERVER}/_/file/{name}"

    def booting(self) -> str:
        return self.page("/_/booting")

    def report(self, step: str) -> str:
        return f"{self.page('/_/report')}?step={quote(step)}"

    def syslog(self, words: str) -> str:
        return ""

    def page(self, path: str) -> str:
        return _SERVER + path

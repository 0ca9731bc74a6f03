"""What one machine is handed: the spec of its boot, the words of its command line, and each file that it fetches.

A file that is made for a machine has a location of the inventory's own, which holds what is known about the machine: it
survives a restart, and works at every instance that shares the key. Opens no socket and keeps nothing.
"""

from __future__ import annotations

import json
import os.path
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pixiecore_core import (
    Architecture,
    BootFile,
    BootFileError,
    BootFileNotFound,
    BootSpec,
    CmdlineError,
    FileRef,
    Machine,
    UrlFor,
    expand_cmdline,
    no_such,
)
from pixiecore_inventory_booter.inventory import Bootable, Choice, Inventory
from pixiecore_inventory_booter.problems import reason
from pixiecore_inventory_booter.schema import FACTS
from pixiecore_inventory_booter.templates import TemplateError

SCHEME = "inventory:"
_LONGEST_TEXT = 255
"""Characters of each thing that a machine says of itself, because these go into its URLs."""
_SAFE = re.compile(r"[A-Za-z0-9._:+=-]+")
_NO_WORD = re.compile(r"[^A-Za-z0-9._:+@/,()#-]")
_SAID = ("serial", "manufacturer", "product", "asset", "board_serial", "chip")
"""Facts for which a machine may say anything."""
_KEPT = (*_SAID, "mac", "uuid", "bus_id", "hostname", "interface", "subnet", "relay", "address")

Words = dict[str, Callable[[], str]]


class Unbootable(Exception):
    """Why a machine cannot be given what it should boot."""


def spec(inventory: Inventory, machine: Machine, choice: Choice, bootable: Bootable, folder: str) -> BootSpec:
    """What *machine* boots.

    :param folder: the inventory's, which relative paths start at
    :raises Unbootable: a path depends on what is not known about it, or what is known cannot be part of a path
    """
    profile = bootable.profile
    for name in (*_SAID, "hostname"):
        # Cut off, it would match other rules when the files are fetched.
        if len(getattr(machine, name)) > _LONGEST_TEXT:
            raise Unbootable(f"its {name} has over {_LONGEST_TEXT} characters")
    variables = inventory.variables_of(machine, choice)
    places, texts = words(variables, in_path=True), words(variables)
    base = location(machine)
    try:
        return BootSpec(
            kernel=source(expanded(profile.kernel, places), folder) if profile.kernel else None,
            efi=source(expanded(profile.efi, places), folder) if profile.efi else None,
            dtb=source(expanded(profile.dtb, places), folder) if profile.dtb else None,
            initrds=tuple(source(expanded(initrd, places), folder) for initrd in profile.initrd),
            cmdline=profile.cmdline,
            message=expanded(profile.message, texts),
            files={name: file_ref(bootable, name, base, folder) for name in bootable.ids},
        )
    except (CmdlineError, ValueError) as error:
        raise Unbootable(f"profile {bootable.name!r}: {reason(error)}") from error


def words(variables: Mapping[str, Any], in_path: bool = False) -> Words:
    """Each variable that is a text, number or truth value as a word of a command line.

    :param in_path: have a word raise :class:`Unbootable` where what a machine says of itself could lead a path astray
    """
    return {
        name: _word(name, value, in_path and name in FACTS)
        for name, value in variables.items()
        if not is_structure(value)
    }


def is_structure(value: object) -> bool:
    """Whether it is a list or table, which only templates can use."""
    return isinstance(value, (dict, list))


def _word(name: str, value: Any, in_path: bool) -> Callable[[], str]:
    def word() -> str:
        text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        if name in _SAID:
            # One word, and none that means more to iPXE or Linux: this comes from a stranger.
            text = _NO_WORD.sub("_", text)
        if in_path and (not _SAFE.fullmatch(text) or ".." in text):
            raise Unbootable(f"its {name} is {text!r}, which cannot be part of a path")
        return text

    return word


def expanded(text: str, known: Words) -> str:
    """A path, URL or message with its words replaced.

    :raises CmdlineError: there is no such word
    """
    lines = text.split("\n") if "{{" in text else []
    return "\n".join(expand_cmdline(line, {}, known) for line in lines) if lines else text


def source(text: str, folder: str) -> FileRef:
    """The file at a path or URL.

    :raises ValueError: it is neither
    """
    return FileRef.from_text(text if "://" in text else os.path.join(folder, text))


def file_ref(bootable: Bootable, name: str, base: str, folder: str) -> FileRef:
    """The file *name* of a profile, or a folder of such files.

    :param base: the machine's location
    :raises ValueError: it is not a usable path or URL
    """
    name = name.removeprefix("/")
    return as_it_is(bootable, name, folder) or FileRef(location=base + name)


def as_it_is(bootable: Bootable, name: str, folder: str) -> FileRef | None:
    """Where the file *name* is, if it is not a template."""
    entry = bootable.profile.files.get(name)
    return source(entry.path, folder) if entry is not None and entry.path and name not in bootable.templates else None


def location(machine: Machine) -> str:
    """The folder of what is made for *machine*: what is known about it, and a slash."""
    known = {name: str(value) for name in _KEPT if (value := getattr(machine, name))}
    if (kind := machine.architecture) is not None:
        known["arch"] = ",".join((str(kind.code), kind.cpu, kind.family, *kind.runs))
    return f"{SCHEME}{urlencode(known)}/"


def machine_of(place: str) -> tuple[Machine, str]:
    """The machine and the file's name in a location that :func:`location` has begun."""
    known, _, name = place.removeprefix(SCHEME).partition("/")
    values: dict[str, Any] = dict(parse_qsl(known))
    if "arch" in values:
        code, cpu, family, *runs = values.pop("arch").split(",")
        values["architecture"] = Architecture(code=code, cpu=cpu, family=family, runs=tuple(runs))
    return Machine(**values), name


def check_file(bootable: Bootable, name: str) -> None:
    """Check that a profile has a file or folder *name*.

    :raises TemplateError: it has not
    """
    files = bootable.profile.files
    inside = name.removeprefix("/")
    folder = name.endswith("/") and any(file.startswith(inside) for file in files)
    if inside not in files and not folder:
        raise TemplateError("", None, no_such("file", name, files))


def file_names(bootable: Bootable) -> list[str]:
    """Every file that a machine which boots it may fetch by name."""
    files = bootable.profile.files
    places = [name.removesuffix("user-data") for name in files if name.rpartition("/")[2] == "user-data"]
    return list(dict.fromkeys([*files, *(place + name for place in places for name in _IMPLIED)]))


def content(inventory: Inventory, machine: Machine, name: str, folder: str, url_for: UrlFor) -> BootFile | FileRef:
    """The file *name*, as *machine* gets it; or where it is, if it is not a template.

    :param url_for: makes URLs, for templates that name other files or report a step
    :raises BootFileNotFound: its profile has no such file, or no longer has it
    :raises BootFileError: it cannot be rendered
    """
    choice = inventory.choose(machine)
    bootable = choice.target.bootable
    if bootable is None:
        raise BootFileNotFound(f"it boots nothing (any more): {choice.target.why}")
    variables = inventory.variables_of(machine, choice)

    def url(other: str) -> str:
        check_file(bootable, other)
        return url_for(file_ref(bootable, other, location(machine), folder))

    if name in bootable.templates:
        functions = {"url": url, "report": url_for.report, "syslog": url_for.syslog}
        try:
            return _made_up(name, bootable.templates[name].render(variables, functions).encode())
        except TemplateError as error:
            raise BootFileError(f"{name} cannot be rendered: {error}") from error
    entry = bootable.profile.files.get(name)
    if entry is not None and entry.text is not None:
        return _made_up(name, entry.text.encode())
    if (ref := as_it_is(bootable, name, folder)) is not None:
        return ref
    before, slash, last = name.rpartition("/")
    if last in _IMPLIED and f"{before}{slash}user-data" in bootable.profile.files:
        return _made_up(name, meta_data(variables) if last == "meta-data" else b"")
    raise BootFileNotFound(f"profile {bootable.name!r} has no file {name!r}")


_IMPLIED = ("meta-data", "vendor-data")
"""What cloud-init wants beside user-data: it gives up without the first, and waits ten seconds for the second."""


def _made_up(name: str, data: bytes) -> BootFile:
    return BootFile.from_bytes(name.rpartition("/")[2], data)


def meta_data(variables: Mapping[str, Any]) -> bytes:
    """The least that cloud-init's NoCloud needs: an instance-id that stays the same, and the host name."""
    lines = {"instance-id": variables["uuid"] or variables["mac"], "local-hostname": variables["hostname"]}
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in lines.items() if value).encode()

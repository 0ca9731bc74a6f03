"""Tries an inventory out before any machine does: what each one boots, with which words, files and variables.

For every machine that is known by name, whatever cannot be written or rendered is a mistake. For machines that only a
group or the default knows, a missing variable is a warning: such a machine may still be given one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pixiecore_core import CmdlineError, Machine, expand_cmdline
from pixiecore_inventory_booter import booting, schema
from pixiecore_inventory_booter.booting import Unbootable
from pixiecore_inventory_booter.documents import Document, Path
from pixiecore_inventory_booter.inventory import Bootable, Choice, Inventory, Target
from pixiecore_inventory_booter.matching import Answer, matches
from pixiecore_inventory_booter.problems import Problem, reason
from pixiecore_inventory_booter.templates import TemplateError

_STRANGER = Machine(mac="02:00:00:00:00:01", address=IPv4Address("192.0.2.100"))
_URL = "http://192.0.2.1/x"

Place = tuple[Document, Path]


@dataclass(slots=True)
class Places:
    """Where each part stands, for messages."""

    profiles: dict[str, Place] = field(default_factory=dict)
    machines: dict[str, Place] = field(default_factory=dict)
    groups: list[Place] = field(default_factory=list)
    default: Place | None = None


def trial(inventory: Inventory, folder: str, places: Places) -> Iterator[Problem]:
    """Every mistake that shows only when all parts are put together, each once."""
    seen: set[str] = set()
    for problem in _problems(inventory, folder, places):
        if str(problem) not in seen:
            seen.add(str(problem))
            yield problem


def _problems(inventory: Inventory, folder: str, places: Places) -> Iterator[Problem]:
    for name, bootable in inventory.profiles.items():
        yield from _missing_files(bootable, folder, places.profiles[name])
    for entry in inventory.machines:
        mac = entry.mac[0] if entry.mac else _STRANGER.mac
        machine = Machine(mac=mac, uuid=entry.uuid, serial=entry.serial)
        for target in _targets(inventory, machine, entry):
            choice = Choice(target, entry, True)
            yield from _tried(inventory, machine, choice, folder, places.machines[entry.name])
    for group, place in zip(inventory.groups, places.groups, strict=True):
        if group.match.label:
            continue  # nobody else has labels
        yield from _tried(inventory, _STRANGER, Choice(group.target, None, True), folder, place)
    if places.default is not None:
        yield from _tried(inventory, _STRANGER, Choice(inventory.default, None, True), folder, places.default)


def _targets(inventory: Inventory, machine: Machine, entry: schema.Machine) -> Iterator[Target]:
    """All that a machine which is known by name may come to: what is not known of it leaves several."""
    if entry.name in inventory.targets:
        yield inventory.targets[entry.name]
        return
    for group in inventory.groups:
        # Where it asks from, and with which firmware, is known only when it does.
        known = group.match.model_copy(update={"arch": [], "firmware": [], "subnet": [], "interface": []})
        answer = matches(known, machine, entry)
        if answer is not Answer.NO:
            yield group.target
        if answer is Answer.YES and known == group.match:
            return
    yield inventory.default


def _missing_files(bootable: Bootable, folder: str, place: Place) -> Iterator[Problem]:
    document, path = place
    profile = bootable.profile
    named: list[tuple[Path, str]] = [(("kernel",), profile.kernel)]
    named += [(("initrd", number), initrd) for number, initrd in enumerate(profile.initrd)]
    for name, entry in profile.files.items():
        if entry.path and name not in bootable.templates:
            named.append((("files", name), entry.path))
    for key, text in named:
        if "{{" in text:
            continue  # depends on the machine
        try:
            ref = booting.source(text, folder)
            if not ref.is_url:
                with open(ref.location, "rb") as file:
                    file.read(1)
        except OSError as error:
            yield document.problem((*path, *key), f"{text} cannot be read: {error.strerror}")
        except ValueError as error:
            yield document.problem((*path, *key), reason(error))


def _tried(inventory: Inventory, machine: Machine, choice: Choice, folder: str, place: Place) -> Iterator[Problem]:
    bootable = choice.target.bootable
    if bootable is None:
        return
    document, path = place
    unnamed = choice.entry is None
    variables = inventory.variables_of(machine, choice)
    # What only the machine itself can tell.
    variables |= {name: f"sample-{name}" for name in schema.FACTS if not variables[name]}
    for message, missing in (*_in_words(bootable, variables, folder), *_in_files(bootable, variables)):
        yield document.problem(path, f"profile {bootable.name!r}: {message}", warning=unnamed and missing)


def _in_words(bootable: Bootable, variables: dict[str, object], folder: str) -> Iterator[tuple[str, bool]]:
    """What is wrong with the words of a profile, and whether it is only that there is no such variable."""
    profile = bootable.profile
    known = booting.words(variables)
    kept = expand_cmdline(profile.cmdline, {"ID": lambda name: _URL}, known, keep_words=True)
    for word in (part.partition("}}")[0].strip() for part in kept.split("{{")[1:]):
        if word in variables:
            yield f"the variable {word!r} is a list or table, which a command line cannot hold", False
        elif word != word.upper():  # those in upper case may be another plugin's, such as DONE
            yield f"there is no variable {word!r} for its command line", True
    in_paths = booting.words(variables, in_path=True)
    try:
        booting.expanded(profile.message, known)
        for text in (profile.kernel, *profile.initrd):
            booting.source(booting.expanded(text, in_paths), folder)
    except CmdlineError as error:
        yield error.reason, True
    except (Unbootable, ValueError) as error:
        yield reason(error), False


def _in_files(bootable: Bootable, variables: dict[str, object]) -> Iterator[tuple[str, bool]]:
    """What is wrong with the files of a profile, and whether it is only that a variable is not there."""

    def url(name: str) -> str:
        booting.check_file(bootable, name)
        return _URL

    for name, template in bootable.templates.items():
        try:
            template.render(variables, url)
        except TemplateError as error:
            yield f"the file {name} cannot be rendered: {error}", error.undefined

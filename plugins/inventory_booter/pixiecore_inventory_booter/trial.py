"""Tries an inventory out before any machine does: what each one boots, with which words, files and variables.

Whatever cannot be written or rendered is a mistake, for machines that are known by name and for those that only a group
or the default knows. What can be sent but is hardly meant is a warning.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pixiecore_core import CmdlineError, Machine
from pixiecore_inventory_booter import booting, schema
from pixiecore_inventory_booter.booting import Unbootable
from pixiecore_inventory_booter.inventory import Bootable, Choice, Group, Inventory, Target
from pixiecore_inventory_booter.labels import nobodys
from pixiecore_inventory_booter.matching import Answer, matches
from pixiecore_inventory_booter.naming import URL, Place, is_empty, left, missing_files, others_words, unreadable
from pixiecore_inventory_booter.problems import Problem, reason
from pixiecore_inventory_booter.syntax import complaint
from pixiecore_inventory_booter.templates import TemplateError

_STRANGER = Machine(mac="02:00:00:00:00:01", address=IPv4Address("192.0.2.100"))
_SAMPLES = {
    "uuid": "00112233-4455-6677-8899-aabbccddeeff",
    "serial": "SAMPLE",
    "manufacturer": "Sample",
    "product": "Sample",
    "asset": "SAMPLE",
    "board_serial": "SAMPLE",
    "chip": "SNP",
    "bus_id": "1af4:1000",
    "arch": "x86_64",
    "firmware": "uefi",
    "hostname": "sample",
    "subnet": "192.0.2.0/24",
    "interface": "eth0",
    "address": "192.0.2.100",
}
"""What only the machine itself can say, where it is not known."""
_UNDEFINED = re.compile(r"'\w+' is undefined")
"""Jinja's words for a variable that is not there; whatever a machine says of itself, it stays so."""
_TOLD_AT_MOST = 3
"""How often the same mistake is reported, for different machines."""


@dataclass(slots=True)
class Places:
    """Where each part is, for messages."""

    profiles: dict[str, Place] = field(default_factory=dict)
    machines: dict[str, Place] = field(default_factory=dict)
    groups: list[Place] = field(default_factory=list)
    default: Place | None = None


def trial(inventory: Inventory, folder: str, places: Places) -> Iterator[Problem]:
    """Every mistake that shows only when all parts are put together."""
    told: Counter[str] = Counter()
    # A machine may come to one profile in several ways: the same mistake at the same place is one.
    for problem in dict.fromkeys(_problems(inventory, folder, places)):
        told[problem.message] += 1
        if told[problem.message] <= _TOLD_AT_MOST:
            yield problem


def _problems(inventory: Inventory, folder: str, places: Places) -> Iterator[Problem]:
    for name, bootable in inventory.profiles.items():
        yield from missing_files(bootable, folder, places.profiles[name])
        yield from others_words(bootable, places.profiles[name])
    known = beforehand(inventory)
    for entry in inventory.machines:
        machine = _asking(entry)
        for target in targets(inventory, known, entry):
            choice = Choice(target, entry, True)
            yield from _tried(inventory, machine, choice, folder, places.machines[entry.name])
    for group, place in zip(inventory.groups, places.groups, strict=True):
        if why := group.match.label and nobodys(group.match.label, inventory.machines):
            document, path = place
            yield document.problem((*path, "match", "label"), why, warning=True)
        if inventory.is_for_known(group.match):
            continue
        yield from _tried(inventory, _STRANGER, Choice(group.target, None, True), folder, place)
    if places.default is not None:
        yield from _tried(inventory, _STRANGER, Choice(inventory.default, None, True), folder, places.default)


_WHERE = ("arch", "firmware", "subnet", "interface")
"""Where a machine asks from, and with which firmware, is known only when it does."""


Known = list[tuple[Group, schema.Match]]


def beforehand(inventory: Inventory) -> Known:
    """Each group, and what of its conditions can be known before a machine asks."""
    return [(group, group.match.model_copy(update={key: [] for key in _WHERE})) for group in inventory.groups]


def _asking(entry: schema.Machine) -> Machine:
    return Machine(mac=entry.mac[0] if entry.mac else _STRANGER.mac, uuid=entry.uuid, serial=entry.serial)


def targets(inventory: Inventory, known: Known, entry: schema.Machine) -> Iterator[Target]:
    """Everything that a machine known by name may come to: what is not known about it leaves several.

    :param known: as :func:`beforehand` says
    """
    machine = _asking(entry)
    if entry.name in inventory.targets:
        yield inventory.targets[entry.name]
        return
    for group, match in known:
        answer = matches(match, machine, entry)
        if answer is not Answer.NO:
            yield group.target
        if answer is Answer.YES and match == group.match:
            return
    yield inventory.default


def _tried(inventory: Inventory, machine: Machine, choice: Choice, folder: str, place: Place) -> Iterator[Problem]:
    bootable = choice.target.bootable
    if bootable is None:
        return
    document, path = place
    variables = inventory.variables_of(machine, choice)
    sampled = {name for name in _SAMPLES if not variables[name]}
    variables |= {name: _SAMPLES[name] for name in sampled}
    for message, warning in (
        *_in_words(bootable, variables, sampled, folder),
        *_in_files(bootable, variables, sampled),
    ):
        yield document.problem(path, f"profile {bootable.name!r}: {message}", warning=warning)


def _in_words(
    bootable: Bootable, variables: dict[str, object], sampled: Set[str], folder: str
) -> Iterator[tuple[str, bool]]:
    """What is wrong with the words of a profile, and whether it boots anyway."""
    profile = bootable.profile
    known, in_paths = booting.words(variables), booting.words(variables, in_path=True)
    for word in left(profile.cmdline, known):
        if word in variables:
            yield f"the variable {word!r} is a list or table, which a command line cannot hold", False
        elif word != word.upper():  # those in upper case may be another plugin's, such as DONE
            yield f"there is no variable {word!r} for its command line", False
    for key, text in (("message", profile.message), profile.started, ("dtb", profile.dtb), *_numbered(profile.initrd)):
        if "{{" not in text:
            continue
        try:
            missing = left(text, known)
            for word in missing:
                yield f"there is no variable {word!r} for its {key}", False
            if key == "message" or missing:
                continue
            place = booting.expanded(text, in_paths)
            depends = any(name in text for name in sampled)
            why = "" if depends else unreadable(place, folder)
            if why:
                yield f"{key}: {why}" if not place else why, False
            elif not depends and is_empty(place, folder):
                yield f"{place} is an empty file", True
        except CmdlineError as error:
            yield f"{key}: {error.reason}", False
        except Unbootable as error:
            yield reason(error), False


def _numbered(initrds: list[str]) -> Iterator[tuple[str, str]]:
    return ((f"initrd {number}", text) for number, text in enumerate(initrds, 1))


def _in_files(bootable: Bootable, variables: dict[str, object], sampled: Set[str]) -> Iterator[tuple[str, bool]]:
    """What is wrong with the files of a profile, and whether they can be sent anyway."""

    def url(name: str) -> str:
        booting.check_file(bootable, name)
        return URL

    for name, template in bootable.templates.items():
        try:
            text = template.render(copy.deepcopy(variables), {"url": url, "report": lambda step: URL, "syslog": str})
        except TemplateError as error:
            if sampled & template.names and not _UNDEFINED.fullmatch(error.message):
                continue  # what the machine says may be something that it can use
            yield f"the file {name} cannot be rendered: {error}", False
        else:
            if why := complaint(name, text):
                yield f"the file {name} {why} of what is rendered", True

"""Tries an inventory out before any machine does: what each one boots, with which words, files and variables.

For every machine that is known by name, whatever cannot be written or rendered is a mistake. For machines that only a
group or the default knows, a missing variable is a warning: such a machine may still be given one.
"""

from __future__ import annotations

import copy
import importlib.metadata
import re
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import IPv4Address

from pixiecore_core import CmdlineError, Machine, expand_cmdline
from pixiecore_inventory_booter import booting, schema
from pixiecore_inventory_booter.booting import Unbootable
from pixiecore_inventory_booter.documents import Document, Path
from pixiecore_inventory_booter.inventory import Bootable, Choice, Group, Inventory, Target
from pixiecore_inventory_booter.matching import Answer, matches
from pixiecore_inventory_booter.problems import Problem, reason
from pixiecore_inventory_booter.templates import TemplateError

_STRANGER = Machine(mac="02:00:00:00:00:01", address=IPv4Address("192.0.2.100"))
_SAMPLES = {
    "uuid": "00112233-4455-6677-8899-aabbccddeeff",
    "serial": "SAMPLE",
    "manufacturer": "Sample",
    "product": "Sample",
    "arch": "x86_64",
    "firmware": "uefi",
    "hostname": "sample",
    "subnet": "192.0.2.0/24",
    "interface": "eth0",
    "address": "192.0.2.100",
}
"""What only the machine itself can tell, where nobody knows it."""
_URL = "http://192.0.2.1/x"
_UNDEFINED = re.compile(r"'\w+' is undefined")
"""Jinja's word for a variable that is not there; of a key that is not there it says where not."""
_TOLD_AT_MOST = 3
"""Times that the same mistake is told, for different machines."""

_OTHERS_WORDS = {"DONE": "once"}
"""Words of command lines that are known here, though another plugin gives them, and that plugin."""

Place = tuple[Document, Path]


@dataclass(slots=True)
class Places:
    """Where each part stands, for messages."""

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
        yield from _missing_files(bootable, folder, places.profiles[name])
        yield from _others_words(bootable, places.profiles[name])
    known = beforehand(inventory)
    for entry in inventory.machines:
        machine = _asking(entry)
        for target in targets(inventory, known, entry):
            choice = Choice(target, entry, True)
            yield from _tried(inventory, machine, choice, folder, places.machines[entry.name])
    for group, place in zip(inventory.groups, places.groups, strict=True):
        if group.match.label:
            continue  # nobody else has labels
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
    """All that a machine which is known by name may come to: what is not known of it leaves several.

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


def _missing_files(bootable: Bootable, folder: str, place: Place) -> Iterator[Problem]:
    document, path = place
    profile = bootable.profile
    named: list[tuple[Path, str]] = [(("kernel",), profile.kernel)]
    named += [(("initrd", number), initrd) for number, initrd in enumerate(profile.initrd)]
    for name, entry in profile.files.items():
        if entry.path and name not in bootable.templates:
            named.append((("files", name), entry.path))
    for key, text in named:
        if "{{" not in text and (why := _unreadable(text, folder)):
            yield document.problem((*path, *key), why)


def _others_words(bootable: Bootable, place: Place) -> Iterator[Problem]:
    """Words of a command line that are no variables, for these have lower case, and may be nobody's.

    Which words the plugins give shows only when a machine asks: so this is a warning.
    """
    document, path = place
    for word in _left(bootable.profile.cmdline, {}):
        if word != word.upper():
            continue
        plugin = _OTHERS_WORDS.get(word)
        near = get_close_matches(word, _OTHERS_WORDS, n=1)
        if plugin is None:
            hint = f"did you mean {near[0]!r}?" if near else "is that plugin installed?"
        elif not importlib.metadata.entry_points(group="pixiecore", name=plugin):
            hint = f"it is of {plugin!r}, which is not installed here"
        else:
            continue
        message = f"its boot ends at the script (HTTP 500) unless a plugin gives the word {word!r}; {hint}"
        yield document.problem((*path, "cmdline"), message, warning=True)


def _unreadable(text: str, folder: str) -> str:
    """Why a path or URL is none that can be booted from; empty if it is one."""
    try:
        ref = booting.source(text, folder)
        if not ref.is_url:
            with open(ref.location, "rb") as file:
                file.read(1)
    except OSError as error:
        return f"{text} cannot be read: {error.strerror}"
    except ValueError as error:
        return reason(error)
    return ""


def _tried(inventory: Inventory, machine: Machine, choice: Choice, folder: str, place: Place) -> Iterator[Problem]:
    bootable = choice.target.bootable
    if bootable is None:
        return
    document, path = place
    unnamed = choice.entry is None
    variables = inventory.variables_of(machine, choice)
    sampled = {name for name in _SAMPLES if not variables[name]}
    variables |= {name: _SAMPLES[name] for name in sampled}
    for message, missing in (
        *_in_words(bootable, variables, sampled, folder),
        *_in_files(bootable, variables, sampled),
    ):
        yield document.problem(path, f"profile {bootable.name!r}: {message}", warning=unnamed and missing)


def _in_words(
    bootable: Bootable, variables: dict[str, object], sampled: Set[str], folder: str
) -> Iterator[tuple[str, bool]]:
    """What is wrong with the words of a profile, and whether it may be right for another machine."""
    profile = bootable.profile
    known, in_paths = booting.words(variables), booting.words(variables, in_path=True)
    for word in _left(profile.cmdline, known):
        if word in variables:
            yield f"the variable {word!r} is a list or table, which a command line cannot hold", False
        elif word != word.upper():  # those in upper case may be another plugin's, such as DONE
            yield f"there is no variable {word!r} for its command line", True
    for key, text in (("message", profile.message), ("kernel", profile.kernel), *_numbered(profile.initrd)):
        if "{{" not in text:
            continue
        try:
            missing = _left(text, known)
            for word in missing:
                yield f"there is no variable {word!r} for its {key}", True
            if key == "message" or missing:
                continue
            place = booting.expanded(text, in_paths)
            depends = any(name in text for name in sampled)
            if (why := _unreadable(place, folder)) and not depends:
                yield why, False
        except CmdlineError as error:
            yield f"{key}: {error.reason}", False
        except Unbootable as error:
            yield reason(error), False


def _numbered(initrds: list[str]) -> Iterator[tuple[str, str]]:
    return ((f"initrd {number}", text) for number, text in enumerate(initrds, 1))


def _left(text: str, known: booting.Words) -> list[str]:
    """The words of *text* that are not known.

    :raises CmdlineError: it is malformed
    """
    lines = [expand_cmdline(line, {"ID": lambda name: _URL}, known, keep_words=True) for line in text.split("\n")]
    return [part.partition("}}")[0].strip() for line in lines for part in line.split("{{")[1:]]


def _in_files(bootable: Bootable, variables: dict[str, object], sampled: Set[str]) -> Iterator[tuple[str, bool]]:
    """What is wrong with the files of a profile, and whether it may be right for another machine."""

    def url(name: str) -> str:
        booting.check_file(bootable, name)
        return _URL

    for name, template in bootable.templates.items():
        try:
            template.render(copy.deepcopy(variables), url)
        except TemplateError as error:
            missing = _UNDEFINED.fullmatch(error.message)
            if missing is None and sampled & template.names:
                continue  # what the machine says may be something that it can use
            yield f"the file {name} cannot be rendered: {error}", missing is not None

"""A whole inventory: which machine is which, what it boots, and with which variables.

Everything in it has been checked against everything else (see :mod:`pixiecore_inventory_booter.loading`). Pure; reads
no file.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pixiecore_core import Machine
from pixiecore_inventory_booter import schema
from pixiecore_inventory_booter.matching import Answer, cpus, firmware, matches, may_say_more
from pixiecore_inventory_booter.templates import Template


@dataclass(frozen=True, slots=True)
class Bootable:
    """A profile, with what was found about its files."""

    name: str
    profile: schema.Profile
    templates: Mapping[str, Template]
    """Of the files that are rendered, by their names; the others are sent as they are."""
    ids: Sequence[str]
    """The files and folders that its command line names."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a rule says: a profile, to start the machine's own disk, or to ignore it."""

    bootable: Bootable | None
    why: str
    """Such as ``group 'rack a7'``."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Of the rule; over the profile's, below the machine's own."""
    local: bool = False
    """Whether the machine goes to its own disk; there is no profile then."""


@dataclass(frozen=True, slots=True)
class Group:
    """A rule for all machines that match."""

    match: schema.Match
    target: Target


@dataclass(frozen=True, slots=True)
class Choice:
    """What there is for one machine."""

    target: Target
    entry: schema.Machine | None
    certain: bool
    """Whether what the machine has not said yet can change nothing."""


NO_DEFAULT = Target(None, "no group matches it, and there is no default")


@dataclass(slots=True)
class Inventory:
    """See the module."""

    targets: Mapping[str, Target] = field(default_factory=dict)
    """Of machines that have their own profile, by name."""
    machines: Sequence[schema.Machine] = ()
    groups: Sequence[Group] = ()
    default: Target = NO_DEFAULT
    profiles: Mapping[str, Bootable] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    _by_mac: dict[str, schema.Machine] = field(default_factory=dict)
    _by_uuid: dict[UUID, schema.Machine] = field(default_factory=dict)
    _by_serial: dict[str, schema.Machine] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in self.machines:
            self._by_mac |= dict.fromkeys(entry.mac, entry)
            if entry.uuid is not None:
                self._by_uuid[entry.uuid] = entry
            if entry.serial:
                self._by_serial[_alike(entry.serial)] = entry

    def choose(self, machine: Machine) -> Choice:
        """What *machine* boots. The first that matches wins: its own profile, the groups in order, the default."""
        entry, certain = self._entry(machine)
        if entry is not None and entry.name in self.targets:
            return Choice(self.targets[entry.name], entry, True)
        for group in self.groups:
            answer = matches(group.match, machine, entry)
            if answer is Answer.YES:
                return Choice(group.target, entry, certain)
            if answer is Answer.MAYBE:
                certain = False
        return Choice(self.default, entry, certain)

    def is_for_known(self, match: schema.Match) -> bool:
        """Whether only machines that are known by name can meet *match*: others have no labels, and other numbers."""
        return bool(
            match.label
            or (match.mac and all(mac in self._by_mac for mac in match.mac))
            or (match.uuid and all(uuid in self._by_uuid for uuid in match.uuid))
            or (match.serial and all(_alike(serial) in self._by_serial for serial in match.serial))
        )

    def _entry(self, machine: Machine) -> tuple[schema.Machine | None, bool]:
        """The machine by name, and whether that may still change."""
        entry = self._by_mac.get(machine.mac)
        if entry is None and machine.uuid is not None:
            # Some firmware sends it by DHCP in another order of bytes than it shows it.
            entry = self._by_uuid.get(machine.uuid) or self._by_uuid.get(UUID(bytes_le=machine.uuid.bytes))
        if entry is None and machine.serial:
            entry = self._by_serial.get(_alike(machine.serial))
        may_tell_more = may_say_more(machine) and (
            (bool(self._by_serial) and not machine.serial) or (bool(self._by_uuid) and machine.uuid is None)
        )
        return entry, entry is not None or not may_tell_more

    def variables_of(self, machine: Machine, choice: Choice) -> dict[str, Any]:
        """All variables for *machine*: the inventory's, the profile's, the rule's, its own, and what is known of it."""
        bootable, entry = choice.target.bootable, choice.entry
        given = {
            **self.variables,
            **(bootable.profile.vars if bootable else {}),
            **choice.target.variables,
            **(entry.vars if entry else {}),
        }
        # Copies: a template may append to a list, and must not do so for every machine.
        return {name: copy.deepcopy(value) for name, value in given.items()} | facts(machine, entry)


def facts(machine: Machine, entry: schema.Machine | None) -> dict[str, Any]:
    """What is known about *machine*: :data:`schema.FACTS`, empty where it is not known, and its labels."""
    kind = cpus(machine)
    said = machine.hostname if schema.is_hostname(machine.hostname) else ""
    uuid = machine.uuid or (entry.uuid if entry else None)
    return {
        "mac": machine.mac,
        "uuid": str(uuid) if uuid else "",
        "serial": machine.serial or (entry.serial if entry else ""),
        "manufacturer": machine.manufacturer,
        "product": machine.product,
        "asset": machine.asset,
        "board_serial": machine.board_serial,
        "chip": machine.chip,
        "bus_id": machine.bus_id,
        "arch": kind[0] if kind else "",
        "firmware": firmware(machine),
        "hostname": entry.name if entry else said,
        "subnet": str(machine.subnet or ""),
        "interface": machine.interface,
        "address": str(machine.address or ""),
        "labels": dict(entry.labels) if entry else {},
    }


def _alike(serial: str) -> str:
    """Serial numbers are typed off stickers."""
    return serial.strip().casefold()

"""Whether a machine is one of a group, as far as is known yet.

Its firmware says little about it by DHCP; serial number, maker and host name come with the request for the script.
Until then, what is not known may still be. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from fnmatch import fnmatchcase
from ipaddress import IPv4Network
from uuid import UUID

from pixiecore_core import FirmwareFamily, Machine
from pixiecore_inventory_booter import schema


class Answer(Enum):
    """Of a question about a machine."""

    NO = 0
    MAYBE = 1
    """Something that would decide it is not known yet."""
    YES = 2


def is_complete(machine: Machine) -> bool:
    """Whether nothing more will be known about *machine*: it has an address, so it asks for its script."""
    return machine.address is not None


def may_say_more(machine: Machine) -> bool:
    """Whether something may hold for *machine* that is not known: it has not asked for its script, or never will."""
    return machine.without_ipxe or not is_complete(machine)


def cpus(machine: Machine) -> tuple[str, ...]:
    """What the processor may be. BIOS firmware says i386 whatever it is, and so does an iPXE that BIOS loaded."""
    return machine.architecture.processors if machine.architecture is not None else ()


def firmware(machine: Machine) -> str:
    """``bios``, ``uefi`` or, for anything else, nothing."""
    kind = machine.architecture
    names = {FirmwareFamily.BIOS: "bios", FirmwareFamily.UEFI: "uefi"}
    return names.get(kind.family, "") if kind else ""


def matches(match: schema.Match, machine: Machine, entry: schema.Machine | None) -> Answer:
    """Whether *machine* meets every condition of *match*.

    :param entry: what the inventory knows about it by name
    """
    worst = Answer.YES
    for answer in _answers(match, machine, entry):
        if answer is Answer.NO:
            return answer
        if answer is Answer.MAYBE:
            worst = answer
    return worst


def _answers(match: schema.Match, machine: Machine, entry: schema.Machine | None) -> Iterable[Answer]:
    unknown = Answer.MAYBE if may_say_more(machine) else Answer.NO

    def found(wanted: bool) -> Answer:
        return Answer.YES if wanted else Answer.NO

    def text(patterns: list[str], value: str) -> Answer:
        return found(_like(patterns, value.strip())) if value else unknown

    if match.mac:
        yield found(any(machine.mac.startswith(prefix) for prefix in match.mac))
    if match.uuid:
        uuid = machine.uuid or (entry.uuid if entry else None)
        # Some firmware sends it by DHCP in another order of bytes than it shows it.
        yield found(uuid in match.uuid or UUID(bytes_le=uuid.bytes) in match.uuid) if uuid else unknown
    if match.serial:
        yield text(match.serial, machine.serial or (entry.serial if entry else ""))
    if match.arch:
        yield found(any(cpu in match.arch for cpu in cpus(machine)))
    if match.firmware:
        yield found(firmware(machine) in match.firmware)
    if match.subnet:
        yield max((_is_in(machine, subnet) for subnet in match.subnet), key=lambda answer: answer.value)
    if match.interface:
        # Not known about a machine that asked by DHCP before a restart: the booter sees to that.
        yield found(_like(match.interface, machine.interface)) if machine.interface else Answer.MAYBE
    if match.hostname and entry is None and may_say_more(machine):
        yield Answer.MAYBE  # iPXE may be given another name than the firmware has
    elif match.hostname:
        yield text(match.hostname, entry.name if entry else machine.hostname)
    if match.manufacturer:
        yield text(match.manufacturer, machine.manufacturer)
    if match.product:
        yield text(match.product, machine.product)
    for name in ("asset", "board_serial", "chip", "bus_id"):
        if patterns := getattr(match, name):
            yield text(patterns, getattr(machine, name))
    if match.label:
        yield found(entry is not None and has_labels(match.label, entry))


def has_labels(wanted: Mapping[str, list[str]], entry: schema.Machine) -> bool:
    """Whether a machine that is known by name has every label that is *wanted*."""
    return all(label in entry.labels and _like(patterns, entry.labels[label]) for label, patterns in wanted.items())


def _is_in(machine: Machine, subnet: IPv4Network) -> Answer:
    """By the address that it asks from; while it has none, by its relay or our own network, which may be wider."""
    address, ours = machine.address or machine.relay, machine.subnet
    if address is not None:
        return Answer.YES if address in subnet else Answer.NO
    if ours is None or (ours.overlaps(subnet) and not ours.subnet_of(subnet)):
        return Answer.MAYBE
    return Answer.YES if ours.subnet_of(subnet) else Answer.NO


def _like(patterns: Iterable[str], value: str) -> bool:
    lowered = value.lower()
    return any(fnmatchcase(lowered, pattern.lower()) for pattern in patterns)

"""Who is in a group, and what is not known yet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from uuid import UUID

import pytest
from pixiecore_inventory_booter import schema
from pixiecore_inventory_booter.matching import Answer, matches

from pixiecore_core import Machine
from pixiecore_core.testing import architecture

UUID_ = UUID("4c4c4544-0051-3010-8052-b4c04f4e4d32")
UEFI = architecture(7)
BIOS = architecture(0)
EARLY = Machine(mac="52:54:00:12:34:56", architecture=UEFI, interface="eth0", subnet=IPv4Network("192.0.2.0/24"))
LATE = EARLY.model_copy(
    update={
        "uuid": UUID_,
        "serial": "S1",
        "manufacturer": "Dell Inc.",
        "product": "PowerEdge R630",
        "hostname": "web-1",
        "address": IPv4Address("192.0.2.77"),
    }
)
ENTRY = schema.Machine(name="db-1", mac=["52:54:00:12:34:56"], labels={"rack": "a7"})


def answer(machine: Machine, entry: schema.Machine | None = None, **match: object) -> Answer:
    return matches(schema.Match.model_validate(match), machine, entry)


@pytest.mark.parametrize(
    ("match", "early", "late"),
    [
        ({"mac": "52:54:00"}, "YES", "YES"),
        ({"mac": ["02:00", "52-54-00-12-34-56"]}, "YES", "YES"),
        ({"mac": "52:54:01"}, "NO", "NO"),
        ({"uuid": str(UUID_)}, "MAYBE", "YES"),
        ({"uuid": "00112233-4455-6677-8899-aabbccddeeff"}, "MAYBE", "NO"),
        ({"serial": "s?"}, "MAYBE", "YES"),
        ({"serial": "T*"}, "MAYBE", "NO"),
        ({"manufacturer": "dell*"}, "MAYBE", "YES"),
        ({"product": "*R640"}, "MAYBE", "NO"),
        ({"hostname": "web-*"}, "MAYBE", "YES"),
        ({"hostname": ["db-*", "web-1"]}, "MAYBE", "YES"),
        ({"arch": "x86_64"}, "YES", "YES"),
        ({"arch": ["arm64", "i386"]}, "NO", "NO"),
        ({"firmware": "uefi"}, "YES", "YES"),
        ({"firmware": "bios"}, "NO", "NO"),
        ({"subnet": "192.0.0.0/16"}, "YES", "YES"),
        ({"subnet": "192.0.2.64/26"}, "MAYBE", "YES"),  # its address says more than our network does
        ({"subnet": "192.0.2.0/26"}, "MAYBE", "NO"),
        ({"subnet": ["198.51.100.0/24", "192.0.2.0/23"]}, "YES", "YES"),
        ({"subnet": "198.51.100.0/24"}, "NO", "NO"),
        ({"interface": "eth*"}, "YES", "YES"),
        ({"label": {"rack": "a7"}}, "NO", "NO"),
        ({"mac": "52:54:00", "serial": "S1"}, "MAYBE", "YES"),
        ({"mac": "02", "serial": "S1"}, "NO", "NO"),
    ],
)
def test_conditions(match: dict[str, object], early: str, late: str) -> None:
    assert (answer(EARLY, **match).name, answer(LATE, **match).name) == (early, late)


def test_a_bios_machine_may_have_any_x86_processor() -> None:
    machine = EARLY.model_copy(update={"architecture": BIOS})
    assert answer(machine, arch="x86_64") is answer(machine, arch="i386") is Answer.YES
    assert answer(machine, firmware="bios") is Answer.YES
    assert answer(machine, arch="arm64") is Answer.NO
    assert answer(machine.model_copy(update={"architecture": None}), arch="x86_64") is Answer.NO


def test_behind_a_relay_the_relay_tells_the_subnet() -> None:
    machine = EARLY.model_copy(update={"subnet": None, "relay": IPv4Address("198.51.100.1")})
    assert answer(machine, subnet="198.51.100.0/24") is Answer.YES
    assert answer(machine, subnet="192.0.2.0/24") is Answer.NO
    unknown = machine.model_copy(update={"relay": None})
    assert answer(unknown, subnet="198.51.100.0/24") is Answer.MAYBE, "a relay that is not trusted tells nothing"


def test_once_it_has_an_address_that_tells_the_subnet() -> None:
    """What DHCP says, any neighbour can forge."""
    for said in ({"relay": IPv4Address("198.51.100.1"), "subnet": None}, {"subnet": IPv4Network("198.51.100.0/24")}):
        machine = LATE.model_copy(update=said)
        assert answer(machine, subnet="198.51.100.0/24") is Answer.NO
        assert answer(machine, subnet="192.0.2.0/24") is Answer.YES


def test_what_may_be_told_otherwise_later_is_not_final() -> None:
    named = EARLY.model_copy(update={"hostname": "firmware-name", "uuid": UUID(bytes_le=UUID_.bytes)})
    assert answer(named, hostname="db*") is Answer.MAYBE
    assert answer(named, uuid=str(UUID_)) is Answer.YES
    forgotten = LATE.model_copy(update={"interface": ""})
    assert answer(forgotten, interface="eth0") is Answer.MAYBE


def test_what_the_inventory_knows_of_a_machine_counts() -> None:
    assert answer(EARLY, ENTRY, hostname="db-*") is Answer.YES
    assert answer(LATE, ENTRY, hostname="web-*") is Answer.NO
    assert answer(EARLY, ENTRY, label={"rack": ["b*", "a*"]}) is Answer.YES
    assert answer(EARLY, ENTRY, label={"rack": "a7", "row": "1"}) is Answer.NO
    known = ENTRY.model_copy(update={"serial": "S1", "uuid": UUID_})
    assert answer(EARLY, known, serial="S1", uuid=str(UUID_)) is Answer.YES

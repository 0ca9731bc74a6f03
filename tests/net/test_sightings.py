"""What DHCP told of a machine is there when it asks for its script, within bounds."""

from __future__ import annotations

from pixiecore_core.models import Machine
from pixiecore_core.net.sightings import Sightings

MAC = "52:54:00:12:34:56"


def test_a_machine_that_nobody_saw_stays_as_it_is() -> None:
    machine = Machine(mac=MAC, interface="eth9")
    assert Sightings().complete(machine) == machine


def test_a_flood_of_machines_pushes_out_the_oldest() -> None:
    sightings = Sightings(machines=3)
    for number in range(10):
        sightings.note(Machine(mac=f"52:54:00:00:00:{number:02x}", interface="eth0"))
    assert len(sightings) == 3
    assert sightings.complete(Machine(mac="52:54:00:00:00:09")).interface == "eth0"
    assert sightings.complete(Machine(mac="52:54:00:00:00:01")).interface == ""

"""Firmware that never hears the usual offer boots by the next one, in the same attempt."""

from __future__ import annotations

from pathlib import Path

import pytest

from .boot import boot
from .machines import MAC, MACHINES
from .neighbour import start_neighbour
from .network import LINK, SERVER_ADDRESS, Network, run
from .server import Errand, start_server
from .timings import Timing, record

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

# An IPv4 datagram from the server to port 68 whose first option is 53, so that it has no option 43, and whose boot file
# is in the machine's folder: the usual offer to UEFI, and not that to iPXE, whose URL is in option 67.
_USUAL_OFFER = (
    (0x28, 0, 0, 12),  # Ethernet type
    (0x15, 0, 9, 0x0800),
    (0x30, 0, 0, 23),  # protocol
    (0x15, 0, 7, 17),
    (0x28, 0, 0, 36),  # destination port
    (0x15, 0, 5, 68),
    (0x30, 0, 0, 14 + 20 + 8 + 240),  # the first option's code
    (0x15, 0, 3, 53),
    (0x30, 0, 0, 14 + 20 + 8 + 108),  # the boot file's first letter
    (0x15, 0, 1, ord(MAC[0])),
    (0x06, 0, 0, 2),  # TC_ACT_SHOT
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0),
)


def drop_usual_offers(namespace: str) -> None:
    """Drop the first variant's offers on their way out of the server."""
    code = ",".join([str(len(_USUAL_OFFER)), *(" ".join(map(str, one)) for one in _USUAL_OFFER)])
    inside = ("ip", "netns", "exec", namespace)
    run(*inside, "tc", "qdisc", "add", "dev", LINK, "clsact")
    run(*inside, "tc", "filter", "add", "dev", LINK, "egress", "bpf", "da", "bytecode", code)


def test_uefi_that_never_hears_the_usual_offer(lab_folder: Path) -> None:
    machine, errand = MACHINES["ovmf-x64-pxe"], Errand.prepare(lab_folder)
    with Network() as network:
        start_neighbour(network, lab_folder, router_advertisements=False)
        server = start_server(network, lab_folder, machine, errand)
        drop_usual_offers(network.srv)
        result = boot(machine, network, lab_folder)
        errand.check(machine, result, SERVER_ADDRESS)
        log = server.text()
    record(Timing(machine.name, "the second offer: it never hears the first", result.seconds, rival="it has one offer"))
    offers = [line for line in log.splitlines() if "Offering to boot" in line and "by script" not in line]
    assert len(offers) == 2, offers
    assert offers[1].endswith("now skip-discovery: it has not taken binl")

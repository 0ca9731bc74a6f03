"""What simulated machines send, beside what real firmware sent: option for option, in the same order."""

from __future__ import annotations

from ipaddress import IPv4Address
from uuid import UUID

import pytest

from pixiecore_core.testing.machines.packets import Who, boot_server_request, discover, ipxe_discover
from pixiecore_core.testing.machines.rows import BY_NAME, ROWS, Row, Way, of_architecture
from pixiecore_core.wire.dhcp4 import Dhcp4Message, parse, serialize
from tests.golden import golden_datagrams

FIRMWARE = {
    "ipxe": "seabios-ipxe-virtio",
    "ipxe-uefi": "ovmf-x64-ipxe-rom",
    "uefi-x64": "ovmf-x64-pxe",
    "uefi-ia32": "ovmf-ia32-pxe",
    "uefi-http": "ovmf-x64-http",
    "u-boot": "u-boot-arm64",
}
LOADED = {"bios": ("bios-plain-pxe", "user-class=iPXE"), "uefi-http": ("ovmf-x64-http", "user-class=iPXE")}


def real(machine: str, about: str) -> Dhcp4Message:
    found = [one for one in golden_datagrams() if one.machine == machine and about in one.about]
    return parse(found[0].data)


def who(golden: Dhcp4Message) -> Who:
    """The machine that sent it."""
    return Who(
        golden.chaddr.hex(":"), UUID(int=0), (golden.xid, golden.xid, golden.xid), golden.ciaddr, hears_unicast=True
    )


def same(ours: Dhcp4Message, golden: Dhcp4Message) -> None:
    assert list(ours.options.items()) == list(golden.options.items())
    assert ours == golden
    assert parse(serialize(ours)) == golden


@pytest.mark.parametrize(("row", "machine"), FIRMWARE.items())
def test_firmware_asks_as_it_really_does(row: str, machine: str) -> None:
    golden = real(machine, "67 DISCOVER")
    if BY_NAME[row].way is Way.IPXE:
        ipxe = BY_NAME[row].ipxe
        assert ipxe is not None
        same(ipxe_discover(ipxe, who(golden), golden.secs), golden)
    else:
        same(discover(BY_NAME[row], who(golden), golden.secs), golden)


@pytest.mark.parametrize(("row", "machine", "about"), [(row, *golden) for row, golden in LOADED.items()])
def test_the_ipxe_that_it_loads_asks_as_it_really_does(row: str, machine: str, about: str) -> None:
    golden, ipxe = real(machine, about), BY_NAME[row].ipxe
    assert ipxe is not None
    same(ipxe_discover(ipxe, who(golden), golden.secs), golden)


@pytest.mark.parametrize(("row", "machine"), [("uefi-x64", "ovmf-x64-pxe"), ("uefi-ia32", "ovmf-ia32-pxe")])
def test_edk2_asks_the_boot_server_as_it_really_does(row: str, machine: str) -> None:
    golden = real(machine, "4011 REQUEST")
    same(boot_server_request(BY_NAME[row].options, BY_NAME[row].boot_server, who(golden)), golden)


@pytest.mark.parametrize("one", ROWS, ids=[row.name for row in ROWS])
def test_a_machine_that_hears_no_unicast_says_so(one: Row) -> None:
    machine = Who("02:70:78:00:00:01", UUID(int=1), relay=IPv4Address("192.0.2.9"))
    message = discover(one, machine, 4)
    assert (message.flags, message.giaddr, message.hops) == (0x8000, IPv4Address("192.0.2.9"), 1)
    assert b"{mac}" not in serialize(message)
    assert b"{uuid}" not in serialize(message)
    assert len(one.secs) == len(one.windows)


def test_a_row_for_any_architecture() -> None:
    assert of_architecture(0, False).name == "bios"
    assert of_architecture(16, True).name == "uefi-http"
    assert dict(of_architecture(900, False).options)[93] == b"\x03\x84"
    assert dict(of_architecture(28, True).options)[60] == b"HTTPClient:Arch:00028:UNDI:003000"

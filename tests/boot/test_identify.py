"""Who asks for a script: what iPXE and DHCP say of a machine, and what is rubbish in it."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.boot.identify import bus_id, machine_from, parameters
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.models import Machine

MAC = "52:54:00:12:34:56"


def asks(query: str, architecture: int | None = None) -> Machine:
    return machine_from(parameters(f"mac={MAC}&{query}"), "192.0.2.100", KNOWN, architecture)


def test_all_that_ipxe_says() -> None:
    """As QEMU's own ROM fills it in (iPXE 1.0.0 of 2019), with texts that it leaves empty there."""
    machine = asks(
        "net0=52:54:00:12:34:56&uuid=00112233-4455-6677-8899-aabbccddeeff&serial=LAB-1&asset=A%2B%201&board-serial=B1"
        "&arch=i386&platform=pcbios&version=1.0.0%2B%20%28%29&manufacturer=QEMU&product=Standard%20PC&hostname="
        "&chip=virtio-net&busid=01:1a:f4:10:00&ip=10.0.0.7"
    )
    assert (machine.serial, machine.asset, machine.board_serial) == ("LAB-1", "A+ 1", "B1")
    assert (machine.chip, machine.bus_id, machine.ipxe_version) == ("virtio-net", "1af4:1000", "1.0.0+ ()")
    assert (machine.manufacturer, machine.product, machine.hostname) == ("QEMU", "Standard PC", "")
    assert (machine.address, machine.told_address) == (IPv4Address("192.0.2.100"), IPv4Address("10.0.0.7"))


def test_what_ipxe_cannot_say_is_what_dhcp_said() -> None:
    """Its token has it. What iPXE says itself comes first: a 32-bit build may have been started by 64-bit firmware."""
    for query, code in (("arch=", 7), ("", 7), ("arch=odd&platform=efi", 7), ("arch=i386&platform=efi", 6)):
        architecture = asks(query, architecture=7).architecture
        assert architecture is not None
        assert architecture.code == code
    with pytest.raises(ValueError, match="missing architecture"):
        asks("arch=")


@pytest.mark.parametrize("text", ["", "01:1a:f4", "02:1a:f4:10:00", "zz", "01:1a:f4:10:0", "1" * 5000])
def test_a_card_on_no_pci_bus_has_no_such_name(text: str) -> None:
    assert asks(f"arch=i386&platform=efi&busid={text}").bus_id == ""


@given(st.binary(max_size=10))
def test_any_bus_id(value: bytes) -> None:
    assert bus_id(value) == "" or (len(value) == 5 and value[0] == 1)

"""Who is asking: every firmware of the lab, and the packets that firmware and attackers have sent elsewhere."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.boot.classify import NotForUs, classify, might_netboot
from pixiecore_core.boot.route import Relays
from pixiecore_core.models import Client, PxeRequest
from pixiecore_core.wire import dhcp4
from pixiecore_core.wire.dhcp4 import Dhcp4Message, MessageType, Op, Option
from tests.golden import GoldenDatagram, golden_datagrams
from tests.messages import HTTP_IPXE, REQUEST, message

GOLDEN = golden_datagrams()


def accepted(asked: Dhcp4Message, stage: str = "dhcp") -> PxeRequest:
    request = classify(asked, stage, "eth0")  # type: ignore[arg-type]
    assert isinstance(request, PxeRequest), request
    return request


def refused(asked: Dhcp4Message, stage: str = "dhcp") -> NotForUs:
    refusal = classify(asked, stage, "eth0")  # type: ignore[arg-type]
    assert isinstance(refusal, NotForUs), refusal
    return refusal


@pytest.mark.parametrize("datagram", GOLDEN, ids=str)
def test_the_labs_firmware_is_recognised(datagram: GoldenDatagram) -> None:
    asked = dhcp4.parse(datagram.data)
    stage = "pxe" if datagram.port == 4011 else "dhcp"
    result = classify(asked, stage, "eth0")  # type: ignore[arg-type]
    wanted = "arch=" in datagram.about and ("DISCOVER" in datagram.about or datagram.port == 4011)
    assert isinstance(result, PxeRequest) == wanted
    if not isinstance(result, PxeRequest):
        return
    assert might_netboot(datagram.data)
    if "user-class=iPXE" in datagram.about:
        assert result.client is Client.IPXE
    elif "HTTPClient" in datagram.about:
        assert result.client is Client.HTTP_BOOT
    else:
        assert result.client is Client.PXE
    code = int(datagram.about.partition("arch=")[2].split()[0])
    assert result.machine.architecture is not None
    assert result.machine.architecture.code == code


@pytest.mark.parametrize(
    ("code", "loader"),
    [
        (0, "bios"),
        (6, "efi-ia32"),
        (7, "efi-x64"),
        (9, "efi-x64"),
        (11, "efi-arm64"),
        (10, "efi-arm32"),
        (27, "efi-riscv64"),
        (39, "efi-loong64"),
        (25, None),
        (9999, None),
    ],
)
def test_architectures(code: int, loader: str | None) -> None:
    request = accepted(message({Option.CLIENT_ARCHITECTURE: code.to_bytes(2, "big")}))
    assert (request.loader, request.client) == (loader, Client.PXE)


@pytest.mark.parametrize("code", [15, 16, 19])
def test_http_boot(code: int) -> None:
    options = {Option.CLIENT_ARCHITECTURE: code.to_bytes(2, "big"), Option.VENDOR_CLASS: b"HTTPClient:Arch:00016"}
    assert accepted(message(options)).client is Client.HTTP_BOOT


def test_of_several_architectures_the_one_we_can_feed_is_taken() -> None:
    """RFC 4578 section 2.1: option 93 is a list."""
    request = accepted(message({Option.CLIENT_ARCHITECTURE: b"\0\x19\0\x07"}))
    assert request.loader == "efi-x64"


def test_an_odd_list_of_architectures_is_named() -> None:
    assert "odd length" in refused(message({Option.CLIENT_ARCHITECTURE: b"\0\x07\0"})).reason


def test_the_class_tells_the_architecture_where_option_93_is_missing() -> None:
    """EDK2 on the Raspberry Pi 4 (bootimus issue 118)."""
    asked = message({Option.VENDOR_CLASS: b"PXEClient:Arch:00011:UNDI:003000", Option.CLIENT_ARCHITECTURE: b""})
    assert accepted(asked).loader == "efi-arm64"


@pytest.mark.parametrize(
    "user_class", [b"iPXE", b"\x04iPXE", b"\x03foo\x04iPXE", b"pixiecore"], ids=["raw", "rfc3004", "second", "go"]
)
def test_ipxe_is_known_by_its_user_class(user_class: bytes) -> None:
    assert accepted(message(HTTP_IPXE | {Option.USER_CLASS: user_class})).client is Client.IPXE


@pytest.mark.parametrize("user_class", [b"", b"PXE", b"\xff", b"\x09iPXE", b"iPXElike"])
def test_other_user_classes_are_not_ipxe(user_class: bytes) -> None:
    assert accepted(message({Option.USER_CLASS: user_class})).client is Client.PXE


def test_ipxe_without_http_is_chained_to_one_with_drivers_of_its_own() -> None:
    """undionly.kpxe would lose the network behind an iPXE ROM (netboot commit b7411f3)."""
    request = accepted(message({Option.USER_CLASS: b"iPXE", Option.IPXE: b"\x21\x01\x01"}))
    assert (request.client, request.loader) == (Client.PXE, "bios-ipxe")


def test_uuid_is_optional_and_little_endian() -> None:
    """Some Intel ROMs send none (danderson/pixiecore issue 21)."""
    text = "00112233-4455-6677-8899-aabbccddeeff"
    sent = b"\0" + UUID(text).bytes_le
    assert accepted(message()).machine.uuid is None
    assert accepted(message({Option.CLIENT_UUID: bytes(17)})).machine.uuid is None
    assert accepted(message({Option.CLIENT_UUID: sent})).machine.uuid == UUID(text)


def test_relay_and_identity_reach_the_plugins() -> None:
    asked, subnet = message(giaddr=IPv4Address("10.0.0.1"), secs=4), IPv4Network("192.0.2.0/24")
    request = classify(asked, "dhcp", "eth0", subnet, relays=Relays([IPv4Network("10.0.0.0/24")]))
    assert isinstance(request, PxeRequest)
    assert (request.machine.relay, request.machine.subnet) == (IPv4Address("10.0.0.1"), None)
    assert (request.machine.mac, request.machine.interface, request.seconds) == ("52:54:00:12:34:56", "eth0", 4)


def test_on_4011_where_the_source_is_answered_a_relay_is_nobodys() -> None:
    asked = message(REQUEST, giaddr=IPv4Address("10.0.0.1"))
    request = classify(asked, "pxe", "eth0", None, relays=Relays([IPv4Network("10.0.0.0/24")]))
    assert isinstance(request, PxeRequest)
    assert (request.machine.relay, request.machine.subnet) == (None, None)


def test_of_a_machine_behind_another_relay_nobody_knows_where_it_is() -> None:
    asked, subnet = message(giaddr=IPv4Address("10.0.0.1")), IPv4Network("192.0.2.0/24")
    request = classify(asked, "dhcp", "eth0", subnet, relays=Relays([IPv4Network("10.0.1.0/24")]))
    assert isinstance(request, PxeRequest)
    assert (request.machine.relay, request.machine.subnet) == (None, None)


def test_boot_server_requests_of_bios_are_accepted() -> None:
    """The Go Pixiecore refuses architecture 0 on 4011 (danderson/netboot issue 132)."""
    asked = message({Option.MESSAGE_TYPE: bytes([MessageType.REQUEST])})
    assert accepted(asked, "pxe").loader == "bios"
    assert "not a DISCOVER" in refused(asked).reason


@pytest.mark.parametrize("mac", [bytes(6), b"\xff" * 6, b"\x01\0\x5e\0\0\1"])
def test_addresses_that_are_no_cards_are_refused_aloud(mac: bytes) -> None:
    refusal = refused(message(chaddr=mac))
    assert refusal.noteworthy
    assert "address" in refusal.reason


@pytest.mark.parametrize("mac", [b"", bytes(range(2, 18))], ids=["hlen0", "hlen16"])
def test_odd_hardware_addresses_are_refused(mac: bytes) -> None:
    assert "not Ethernet" in refused(message(chaddr=mac)).reason


def test_replies_and_ordinary_dhcp_are_silently_ignored() -> None:
    assert not refused(message(op=Op.BOOTREPLY)).noteworthy
    ordinary = replace(message(), options={Option.MESSAGE_TYPE: b"\x01"})
    assert not refused(ordinary).noteworthy


@given(st.dictionaries(st.integers(0, 255), st.binary(max_size=40)), st.sampled_from(["dhcp", "pxe"]))
def test_no_combination_of_options_raises(options: dict[int, bytes], stage: str) -> None:
    assert isinstance(classify(message(options), stage, "eth0"), (PxeRequest, NotForUs))  # type: ignore[arg-type]


def test_raw_filter_stops_ordinary_traffic() -> None:
    ordinary = replace(message(), options={Option.MESSAGE_TYPE: b"\x01", 55: b"\x01\x03\x06"})
    assert not might_netboot(dhcp4.serialize(ordinary))
    assert not might_netboot(b"")
    assert not might_netboot(bytes(64 << 10))
    assert might_netboot(dhcp4.serialize(message()))


@given(st.binary(max_size=700))
def test_raw_filter_takes_any_bytes(data: bytes) -> None:
    assert might_netboot(data) in (True, False)


def test_the_host_name_is_taken_as_it_comes() -> None:
    assert accepted(message({Option.HOST_NAME: b"node1\0"})).machine.hostname == "node1"
    assert accepted(message({Option.HOST_NAME: b"\xff"})).machine.hostname == "\ufffd"
    assert accepted(message({})).machine.hostname == ""

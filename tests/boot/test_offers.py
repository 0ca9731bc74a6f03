"""What each firmware is told, as bytes and as other codecs read them."""

from __future__ import annotations

import warnings
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.boot.classify import classify
from pixiecore_core.boot.offers import offer
from pixiecore_core.boot.paths import ServerAddress
from pixiecore_core.boot.tokens import Sealer
from pixiecore_core.boot.urls import UrlMaker
from pixiecore_core.boot.variants import ROWS, VariantTable
from pixiecore_core.engine.attempts import Attempt
from pixiecore_core.engine.first_step import FirstSteps
from pixiecore_core.engine.naming import BootFileNames
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.firmware.rows import Architecture, FirmwareFamily
from pixiecore_core.models import Client, Machine, PxeRequest, Stage
from pixiecore_core.wire import dhcp4
from pixiecore_core.wire.dhcp4 import Dhcp4Message, MessageType, Op, Option
from tests.golden import GoldenDatagram, golden_datagrams
from tests.messages import HTTP_IPXE, REQUEST, message
from tests.messages import architecture as of_code

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # scapy's and dhcppython's own
    from dhcppython.packet import DHCPPacket
    from scapy.layers.dhcp import BOOTP, DHCP

SEALER = Sealer()
VARIANTS = VariantTable()
SERVER = ServerAddress(IPv4Address("192.0.2.2"))


def reply_to(asked: Dhcp4Message, stage: str = "dhcp", server: ServerAddress = SERVER) -> Dhcp4Message:
    request = classify(asked, stage, "eth0")  # type: ignore[arg-type]
    assert isinstance(request, PxeRequest), request
    return answer(request, asked, server)


LOADERS = FoundLoaders(KNOWN, {loader.name: Path("/x") for loader in KNOWN.loaders()}, Path("/data"))


def answer(request: PxeRequest, asked: Dhcp4Message, server: ServerAddress = SERVER) -> Dhcp4Message:
    names = BootFileNames(FirstSteps(LOADERS), UrlMaker(SEALER))
    return offer(
        request, asked, server, names.of(request, server, Attempt(request.machine)), VARIANTS.fitting(request)[0]
    )


@pytest.mark.parametrize("datagram", GOLDEN := golden_datagrams(), ids=str)
def test_every_reply_to_real_firmware_is_well_formed(datagram: GoldenDatagram) -> None:
    asked = dhcp4.parse(datagram.data)
    stage = "pxe" if datagram.port == 4011 else "dhcp"
    request = classify(asked, stage, "eth0")  # type: ignore[arg-type]
    if not isinstance(request, PxeRequest):
        return
    reply = answer(request, asked)
    data = dhcp4.serialize(reply)
    assert dhcp4.parse(data) == reply
    assert len(data) <= 576, "RFC 2131: what every client must be able to take"
    scapy, dhcppython = BOOTP(data), DHCPPacket.from_bytes(data)
    assert scapy.xid == dhcppython.xid == asked.xid
    assert scapy.siaddr == str(dhcppython.siaddr) == "192.0.2.2"
    assert scapy.yiaddr == str(dhcppython.yiaddr) == "0.0.0.0"
    assert scapy.file.rstrip(b"\0") == dhcppython.file == reply.file
    read = {option[0]: option[1] for option in scapy[DHCP].options if isinstance(option, tuple)}
    assert read["message-type"] == dhcp4.MessageType(reply.message_type).value
    assert read["server_id"] == "192.0.2.2"
    for code, value in reply.options.items():
        assert dhcppython.options.by_code(code).data == value


def test_bios_skips_discovery_and_gets_undionly() -> None:
    reply = reply_to(message())
    assert reply.message_type == MessageType.OFFER
    assert reply.options[Option.VENDOR_SPECIFIC] == b"\x06\x01\x08\xff"
    assert reply.options[Option.VENDOR_CLASS] == b"PXEClient"
    assert reply.options[Option.SERVER_ID] == SERVER.ip.packed
    assert reply.file == b"52:54:00:12:34:56/bios/undionly.kpxe"
    assert (reply.siaddr, reply.sname, reply.flags) == (SERVER.ip, b"192.0.2.2", 0x8000)


@pytest.mark.parametrize("code", [6, 7, 9])
def test_uefi_is_sent_to_4011_and_answered_there(code: int) -> None:
    proxy = reply_to(message(of_code(code)))
    assert Option.VENDOR_SPECIFIC not in proxy.options
    ack = reply_to(message(of_code(code) | REQUEST, ciaddr=IPv4Address("192.0.2.77")), "pxe")
    assert ack.message_type == MessageType.ACK
    assert (ack.ciaddr, ack.file) == (IPv4Address("192.0.2.77"), proxy.file)
    assert ack.file.endswith(b"/snponly.efi")
    assert Option.VENDOR_SPECIFIC not in ack.options


def test_bios_on_4011_gets_its_boot_file() -> None:
    ack = reply_to(message(REQUEST), "pxe")
    assert (ack.message_type, ack.file) == (MessageType.ACK, b"52:54:00:12:34:56/bios/undionly.kpxe")


@pytest.mark.parametrize("ip", ["10.0.0.1", "192.168.100.200"])
def test_ipxe_gets_a_url_above_any_other_boot_file(ip: str) -> None:
    reply = reply_to(message(HTTP_IPXE), server=ServerAddress(IPv4Address(ip), 65535))
    assert reply.options[Option.IPXE] == b"\x01\x01\x01"
    assert Option.VENDOR_SPECIFIC not in reply.options, "option 43.9 would show iPXE a menu"
    url = reply.options[Option.BOOT_FILE]
    start = f"http://{ip}:65535/_/ipxe/".encode()
    assert url.startswith(start)
    origin = SEALER.open_origin(url.removeprefix(start).rstrip(b"\0").decode())
    assert origin is not None
    assert (origin.mac, origin.interface) == ("52:54:00:12:34:56", "eth0")
    assert url.endswith(b"\0"), "firmware reads it as a C string"
    assert list(reply.options)[-1] == Option.BOOT_FILE, "EDK2 writes a NUL behind it"
    assert reply.siaddr == IPv4Address(ip), "iPXE goes to 4011 without it (ipxe issue 954)"


def test_the_longest_url_of_a_script_fits_one_option() -> None:
    """iPXE knows no split options."""
    machine = Machine(
        mac="52:54:00:12:34:56",
        interface="enp0s31f6.4094x",
        subnet=IPv4Network("192.168.200.200/32"),
        relay=IPv4Address("192.168.200.201"),
        architecture=Architecture(code=65535, cpu="unknown", family=FirmwareFamily.OTHER),
    )
    server = ServerAddress(IPv4Address("192.168.100.200"), 65535)
    assert len(UrlMaker(SEALER).offered(server, machine, Attempt(machine).id, 1e10)) < 255


def test_http_boot_gets_a_url_and_its_own_class() -> None:
    reply = reply_to(message(of_code(16) | {Option.VENDOR_CLASS: b"HTTPClient:Arch:00016:UNDI:003000"}))
    assert reply.options[Option.VENDOR_CLASS] == b"HTTPClient"
    assert reply.file == b"http://192.0.2.2/_/loader/52:54:00:12:34:56/efi-x64/snponly.efi"


def test_uuid_and_relay_information_are_echoed_only_if_sent() -> None:
    plain = reply_to(message())
    assert not {Option.CLIENT_UUID, Option.RELAY_AGENT} & set(plain.options)
    sent = {Option.CLIENT_UUID: bytes(17), Option.RELAY_AGENT: b"\x01\x04port"}
    relayed = reply_to(message(sent, giaddr=IPv4Address("10.9.9.9")))
    assert sent.items() <= relayed.options.items()
    assert relayed.giaddr == IPv4Address("10.9.9.9")


@given(
    options=st.dictionaries(
        st.sampled_from([Option.USER_CLASS, Option.IPXE, Option.CLIENT_UUID, Option.RELAY_AGENT, 55, 94]),
        st.binary(max_size=300),
    ),
    code=st.sampled_from([0, 6, 7, 9, 11, 15, 16, 19]),
    secs=st.integers(0, 65535),
    stage=st.sampled_from(["dhcp", "pxe"]),
)
def test_no_request_leads_to_a_malformed_reply(options: dict[int, bytes], code: int, secs: int, stage: str) -> None:
    kind = {} if stage == "dhcp" else REQUEST
    asked = message(options | of_code(code) | kind, secs=secs)
    request = classify(asked, stage, "eth0")  # type: ignore[arg-type]
    if isinstance(request, PxeRequest):
        reply = answer(request, asked)
        data = dhcp4.serialize(reply)
        assert dhcp4.parse(data) == reply
        assert (BOOTP(data).yiaddr, reply.op, reply.xid) == ("0.0.0.0", Op.BOOTREPLY, asked.xid)


def test_every_variant_has_a_name_of_its_own_and_a_source() -> None:
    assert list(VARIANTS.rows) == [row.name for row in ROWS]
    assert all(row.source for row in ROWS)


def test_a_menu_has_one_entry_and_takes_it_at_once() -> None:
    """PXE 2.1 table 2-1, read by hand: no discovery by broadcast, one server, one entry, a prompt of 0 seconds."""
    asked = message(of_code(7))
    request = classify(asked, "dhcp", "eth0")
    assert isinstance(request, PxeRequest)
    reply = offer(request, asked, SERVER, "x/y.efi", VARIANTS.rows["menu"])
    found = dhcp4.suboptions(reply.options[Option.VENDOR_SPECIFIC])
    assert found[6] == b"\x07"
    assert found[8] == b"\x80\x00\x01\xc0\x00\x02\x02"
    assert found[9] == b"\x80\x00\x09Pixiecore"
    assert found[10] == b"\x00Pixiecore"
    chosen = REQUEST | of_code(7) | {Option.VENDOR_SPECIFIC: b"\x47\x04\x80\x00\x00\x00\xff"}
    assert reply_to(message(chosen), "pxe").options[Option.VENDOR_SPECIFIC] == b"\x47\x04\x80\x00\x00\x00\xff"
    assert Option.VENDOR_SPECIFIC not in reply_to(message(REQUEST | of_code(7)), "pxe").options


@pytest.mark.parametrize("rubbish", [b"", b"\x47", b"\x47\x04\x80", b"\x47\x02\x80\x00", b"\xff", b"\x47\xff"])
def test_a_menu_item_that_is_none_is_not_echoed(rubbish: bytes) -> None:
    reply = reply_to(message(REQUEST | of_code(7) | {Option.VENDOR_SPECIFIC: rubbish}), "pxe")
    assert Option.VENDOR_SPECIFIC not in reply.options


def test_an_answer_without_a_class_has_none() -> None:
    asked = message(of_code(7))
    request = classify(asked, "dhcp", "eth0")
    assert isinstance(request, PxeRequest)
    assert Option.VENDOR_CLASS not in offer(request, asked, SERVER, "x", VARIANTS.rows["no-class"]).options


@pytest.mark.parametrize("client", Client)
@pytest.mark.parametrize("stage", ["dhcp", "pxe"])
@pytest.mark.parametrize("architecture", KNOWN.architectures(), ids=str)
def test_every_request_has_a_variant(client: Client, stage: Stage, architecture: Architecture) -> None:
    machine = Machine(mac="52:54:00:12:34:56", architecture=architecture)
    request = PxeRequest(machine=machine, client=client, loader=None, stage=stage, transaction_id=1, seconds=0)
    assert VARIANTS.fitting(request)

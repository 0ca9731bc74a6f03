"""Captures become facts: of ours, of another boot server, of broken ones; and any bytes at all."""

from __future__ import annotations

import os
import threading
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.cli.explain_capture import explained, read
from pixiecore_core.engine.case import Cause
from pixiecore_core.engine.replaying import Replay
from pixiecore_core.engine.words import sentence
from pixiecore_core.wire import pcap, tftp
from pixiecore_core.wire.captured import Frame, Link
from pixiecore_core.wire.dhcp4 import Dhcp4Message, MessageType, Op, Option, serialize
from pixiecore_core.wire.frames import Datagram, Said
from pixiecore_core.wire.framing import STAND_IN
from pixiecore_core.wire.http_heads import Body, Head
from pixiecore_core.wire.udp4 import UdpPacket
from pixiecore_core.wire.udp4 import serialize as serialize_udp

MAC = "52:54:00:12:34:56"
MACHINE, DHCP, BOOT, NOBODY = (IPv4Address(a) for a in ("192.0.2.100", "192.0.2.1", "192.0.2.2", "0.0.0.0"))
ALL = IPv4Address("255.255.255.255")
EFI = {
    int(Option.VENDOR_CLASS): b"PXEClient:Arch:00007:UNDI:003000",
    int(Option.CLIENT_ARCHITECTURE): b"\0\x07",
}
IPXE = {"USER_CLASS": b"iPXE", "IPXE": b"\x13\x01\x01"}
SECOND = 1_000_000_000


class Wire:
    """Says things, one after the other."""

    def __init__(self, server: IPv4Address | None = None) -> None:
        self.replay = Replay(server)
        self.frames: list[Frame] = []
        self.said: list[Datagram] = []
        self.hardware = {MACHINE: MAC, NOBODY: MAC}
        self.giaddr = NOBODY

    def udp(self, at: float, source: tuple[IPv4Address, int], to: tuple[IPv4Address, int], data: bytes) -> None:
        packet = UdpPacket(source[0], source[1], to[0], to[1], data)
        self.frames.append(Frame(int(at * SECOND), serialize_udp(packet), Link.RAW))
        self.said.append(Datagram(int(at * SECOND), packet, self.hardware.get(source[0], "")))
        self.replay.take(self.said[-1])

    def asks(self, at: float, kind: int = MessageType.DISCOVER, xid: int = 1, **more: bytes) -> None:
        options = {int(Option.MESSAGE_TYPE): bytes([kind]), **EFI}
        options |= {int(Option[name]): value for name, value in more.items()}
        mac = bytes.fromhex(MAC.replace(":", ""))
        message = Dhcp4Message(op=Op.BOOTREQUEST, xid=xid, chaddr=mac, options=options, giaddr=self.giaddr)
        self.udp(at, (NOBODY, 68), (ALL, 67), serialize(message))

    def asks_4011(self, at: float, server: IPv4Address, xid: int = 9, **more: bytes) -> None:
        options = {int(Option.MESSAGE_TYPE): bytes([MessageType.REQUEST]), **EFI}
        options |= {int(Option[name]): value for name, value in more.items()}
        mac = bytes.fromhex(MAC.replace(":", ""))
        message = Dhcp4Message(op=Op.BOOTREQUEST, xid=xid, chaddr=mac, ciaddr=MACHINE, options=options)
        self.udp(at, (MACHINE, 4011), (server, 4011), serialize(message))

    def answers(
        self,
        at: float,
        server: IPv4Address,
        lease: bool,
        file: bytes = b"",
        xid: int = 1,
        kind: int = MessageType.OFFER,
        **more: bytes,
    ) -> None:
        options = {int(Option.MESSAGE_TYPE): bytes([kind]), int(Option.SERVER_ID): server.packed}
        options |= {int(Option[name]): value for name, value in more.items()}
        message = Dhcp4Message(
            op=Op.BOOTREPLY,
            xid=xid,
            chaddr=bytes.fromhex(MAC.replace(":", "")),
            yiaddr=MACHINE if lease else NOBODY,
            siaddr=server,
            file=file,
            options=options,
        )
        self.udp(at, (server, 67), (ALL, 68), serialize(message))

    def offered(self, file: bytes = MAC.encode() + b"/efi-x64/snponly.efi") -> None:
        """By a DHCP server and a proxy, as it should be."""
        self.asks(0)
        self.answers(0.1, DHCP, lease=True)
        self.answers(0.2, BOOT, lease=False, file=file, VENDOR_CLASS=b"PXEClient")

    def tftp(self, at: float, by_machine: bool, packet: tftp.Packet, port: int = 4000, own: int = 2000) -> None:
        machine, server = (MACHINE, own), (BOOT, port)
        source, to = (machine, server) if by_machine else (server, machine)
        self.udp(at, source, to, tftp.serialize(packet))

    def http(self, at: float, target: str, status: int = 200, size: int = 5, came: int | None = None) -> None:
        client, server, when = (MACHINE, 3000), (BOOT, 80), int(at * SECOND)
        request = Head(when, "GET", target)
        response = Head(when, "", "", status, "OK", (("content-length", str(size)),))
        body = Body(when, size if came is None else came, 0, came is None, size)
        for what, by_client in ((request, True), (response, False), (body, False)):
            self.replay.take(Said(when, client, server, what, by_client))

    def causes(self, at: float = 60.0) -> list[str]:
        self.replay.wait(int(at * SECOND))
        self.replay.finish()
        (found,) = explained(self.replay, [MAC])
        return [one["cause"] for one in found["diagnoses"]]

    def kinds(self) -> list[str]:
        self.replay.finish()
        return [fact.kind for fact in self.replay.attempts.facts(MAC)]


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_nobody_answers(wire: Wire) -> None:
    wire.asks(0)
    wire.asks(4, xid=2)
    wire.answers(4.1, DHCP, lease=True, xid=2)
    assert wire.causes() == [Cause.NO_OFFER]


def test_a_firmware_that_takes_no_offer_of_two(wire: Wire) -> None:
    wire.offered()
    wire.asks(4, xid=2)
    wire.answers(4.1, BOOT, lease=False, file=b"x", xid=2, VENDOR_CLASS=b"PXEClient")
    assert wire.causes() == [Cause.OFFER_NOT_TAKEN]


def test_a_dhcp_server_that_says_pxeclient(wire: Wire) -> None:
    wire.asks(0)
    wire.answers(0.1, DHCP, lease=True, VENDOR_CLASS=b"PXEClient")
    wire.answers(0.2, BOOT, lease=False, file=b"x.efi", VENDOR_CLASS=b"PXEClient")
    wire.asks_4011(1, DHCP)
    assert wire.causes() == [Cause.OPTION_60]


def test_a_second_proxy(wire: Wire) -> None:
    wire.offered()
    wire.answers(0.3, IPv4Address("192.0.2.9"), lease=False, file=b"pxelinux.0", VENDOR_CLASS=b"PXEClient")
    wire.asks(4, xid=2)
    wire.answers(4.1, BOOT, lease=False, file=MAC.encode() + b"/efi-x64/snponly.efi", xid=2, VENDOR_CLASS=b"PXEClient")
    assert wire.causes() == [Cause.SECOND_PROXY]
    assert wire.replay.server == BOOT


def test_an_own_port_4011_that_is_dropped(wire: Wire) -> None:
    """It asked this server, and no other: its DHCP server is not to blame."""
    wire.offered()
    wire.asks_4011(1, BOOT)
    assert wire.causes() == [Cause.TFTP_BLOCKED]
    assert "in vain" in sentence(wire.replay.attempts.facts(MAC)[-1])


def test_a_second_proxy_is_taken_for_the_server_at_first(wire: Wire) -> None:
    rival = IPv4Address("192.0.2.9")
    wire.asks(0)
    wire.answers(0.1, rival, lease=False, file=b"pxelinux.0", VENDOR_CLASS=b"PXEClient")
    assert (wire.replay.server, wire.replay.was_mistaken) == (rival, False)
    wire.answers(0.3, BOOT, lease=False, file=MAC.encode() + b"/efi-x64/snponly.efi", VENDOR_CLASS=b"PXEClient")
    assert (wire.replay.server, wire.replay.was_mistaken) == (BOOT, True)


@pytest.mark.parametrize("piped", [False, True])
def test_a_capture_with_two_proxies_is_read_again_with_the_right_one(wire: Wire, tmp_path: Path, piped: bool) -> None:
    rival, file = IPv4Address("192.0.2.9"), tmp_path / "wire.pcap"
    wire.asks(0)
    wire.answers(0.1, rival, lease=False, file=b"pxelinux.0", VENDOR_CLASS=b"PXEClient")
    wire.answers(0.3, BOOT, lease=False, file=MAC.encode() + b"/efi-x64/snponly.efi", VENDOR_CLASS=b"PXEClient")
    wire.asks(60, kind=MessageType.RELEASE)
    file.write_bytes(pcap.write(wire.frames, link=Link.RAW))
    as_pipe = tmp_path / "pipe"
    os.mkfifo(as_pipe)
    if piped:
        threading.Thread(target=lambda: as_pipe.write_bytes(file.read_bytes()), daemon=True).start()
    replay, fault = read(as_pipe if piped else file, None)
    assert fault is None
    assert [fact.model_dump()["interface"] for fact in replay.attempts.facts(MAC)] == [str(BOOT)]
    assert [one.server for one in replay.neighbours.all()] == [str(rival)]


def test_a_transfer_of_another_boot_server(wire: Wire) -> None:
    wire.offered(b"pxelinux.0")
    wire.tftp(1, True, tftp.ReadRequest("pxelinux.0", "octet", (("tsize", "0"),)), 69)
    wire.tftp(1.1, False, tftp.OptionAck((("tsize", "700"),)))
    wire.tftp(1.2, True, tftp.Error(8, "User aborted the transfer"))
    wire.tftp(2, True, tftp.ReadRequest("pxelinux.0", "octet"), 69)
    for block, size in ((1, 512), (2, 188)):
        wire.tftp(2 + block, False, tftp.Data(block, bytes(size)))
        wire.tftp(2.5 + block, True, tftp.Ack(block))
    assert wire.kinds() == ["offered", "loader-sent"]
    (_, sent) = wire.replay.attempts.facts(MAC)
    assert sent.model_dump()["bytes"] == 700


def test_tftp_that_nobody_answers(wire: Wire) -> None:
    wire.offered()
    for at in (1, 3, 7):
        wire.tftp(at, True, tftp.ReadRequest(f"{MAC}/efi-x64/snponly.efi", "octet"), 69)
    assert wire.causes() == [Cause.TFTP_BLOCKED]


def test_tftp_that_nobody_answers_does_not_outlast_what_comes_later(wire: Wire) -> None:
    """Its firmware goes on to another entry of its boot order; the lab's OVMF."""
    wire.offered()
    wire.tftp(1, True, tftp.ReadRequest(f"{MAC}/efi-x64/snponly.efi", "octet"), 69)
    wire.http(90, f"/_/ipxe?mac={MAC}&arch=x86_64&platform=efi")
    assert wire.kinds() == ["offered", "failed", "script-sent"]
    assert wire.replay.attempts.facts(MAC)[1].at == 21


def test_the_last_acknowledgement_is_missing_and_the_machine_went_on(wire: Wire) -> None:
    wire.offered()
    wire.tftp(1, True, tftp.ReadRequest(f"{MAC}/efi-x64/snponly.efi", "octet"), 69)
    wire.tftp(1.1, False, tftp.Data(1, b"all of it"))
    wire.http(6, f"/_/booting?mac={MAC}&name=t")
    wire.http(30, f"/_/report?mac={MAC}")
    assert wire.kinds() == ["offered", "booting", "reported"]


def test_a_request_that_is_repeated_from_another_port(wire: Wire) -> None:
    wire.offered()
    asked = tftp.ReadRequest(f"{MAC}/efi-x64/snponly.efi", "octet")
    wire.tftp(1, True, asked, 69, 2000)
    wire.tftp(5, True, asked, 69, 2001)
    wire.tftp(5.1, False, tftp.Data(1, b"all of it"), 4000, 2001)
    wire.tftp(5.2, True, tftp.Ack(1), 4000, 2001)
    wire.replay.wait(60 * SECOND)
    assert wire.kinds() == ["offered", "loader-sent"]


def test_a_link_that_comes_back_after_it_was_given_up(wire: Wire) -> None:
    wire.offered()
    wire.tftp(1, True, tftp.ReadRequest(f"{MAC}/efi-x64/snponly.efi", "octet"), 69)
    for block, at in ((1, 1.1), (2, 27)):
        wire.tftp(at, False, tftp.Data(block, bytes(512 if block == 1 else 9)))
        wire.tftp(at + 0.1, True, tftp.Ack(block))
    assert wire.causes() == [Cause.LOADER_SILENT]


def test_attempts_far_apart_stay_two(wire: Wire) -> None:
    wire.offered()
    wire.tftp(1, True, tftp.ReadRequest(f"{MAC}/efi-x64/snponly.efi", "octet"), 69)
    wire.asks(600, xid=7)
    wire.answers(600.1, BOOT, lease=False, file=MAC.encode() + b"/x", xid=7, VENDOR_CLASS=b"PXEClient")
    wire.replay.finish()
    attempt = wire.replay.attempts.latest(MAC)
    assert attempt is not None
    assert [fact.kind for fact in attempt.facts] == ["offered"]


def three_offers(wire: Wire, server: IPv4Address = BOOT) -> None:
    for number, at in enumerate((0, 4, 12)):
        wire.asks(at, xid=number)
        wire.answers(at + 0.2, server, lease=False, file=b"x", xid=number, VENDOR_CLASS=b"PXEClient")


def test_no_dhcp_server(wire: Wire) -> None:
    three_offers(wire)
    assert wire.causes() == [Cause.NO_DHCP]


def test_a_dhcp_server_on_the_boot_servers_host_is_one(wire: Wire) -> None:
    three_offers(wire)
    wire.answers(13, BOOT, lease=True)
    assert wire.causes() == [Cause.OFFER_NOT_TAKEN]


def test_behind_a_relay_nobody_knows_of_a_dhcp_server(wire: Wire) -> None:
    wire.giaddr = DHCP
    three_offers(wire)
    assert wire.causes() == [Cause.OFFER_NOT_TAKEN]


def test_in_a_capture_of_our_own_a_dhcp_server_may_not_have_been_heard(wire: Wire) -> None:
    wire.hardware[BOOT] = STAND_IN
    three_offers(wire)
    assert wire.causes() == [Cause.OFFER_NOT_TAKEN]


def test_an_ipxe_that_asks_another_server_with_its_one_transaction(wire: Wire) -> None:
    """Our late offer is no answer to what it asked the other on port 4011."""
    rival = IPv4Address("192.0.2.9")
    wire.asks(0, **IPXE)
    wire.answers(0.1, rival, lease=False, VENDOR_CLASS=b"PXEClient")
    wire.answers(0.1, DHCP, lease=True)
    wire.asks(0.2, kind=MessageType.REQUEST, SERVER_ID=DHCP.packed, **IPXE)
    wire.asks_4011(0.3, rival, xid=1, **IPXE)
    url = b"http://192.0.2.2/_/ipxe/" + b"a" * 20
    wire.answers(0.4, BOOT, lease=False, file=url, VENDOR_CLASS=b"PXEClient")
    assert wire.replay.was_mistaken
    again = Wire(server=BOOT)
    for frame in wire.said:
        again.replay.take(frame)
    assert again.causes() == [Cause.SECOND_PROXY]


def test_an_ipxe_that_asks_its_dhcp_server(wire: Wire) -> None:
    wire.asks(0, **IPXE)
    wire.answers(0.1, DHCP, lease=True, VENDOR_CLASS=b"PXEClient")
    wire.answers(0.2, BOOT, lease=False, file=b"http://192.0.2.2/_/ipxe/" + b"a" * 20, VENDOR_CLASS=b"PXEClient")
    wire.asks(0.5, kind=MessageType.REQUEST, SERVER_ID=DHCP.packed, **IPXE)
    wire.asks_4011(1, DHCP, **IPXE)
    assert wire.causes() == [Cause.OPTION_60]


def test_two_pixiecores_of_which_a_capture_does_not_know_the_keys(wire: Wire) -> None:
    wire.asks(0, **IPXE)
    wire.answers(0.1, DHCP, lease=True)
    for server in (BOOT, IPv4Address("192.0.2.9")):
        url = f"http://{server}/_/ipxe/".encode() + b"a" * 20
        wire.answers(0.2, server, lease=False, file=url, VENDOR_CLASS=b"PXEClient")
    wire.asks(0.5, kind=MessageType.REQUEST, SERVER_ID=DHCP.packed, **IPXE)
    assert wire.causes() == [Cause.HTTP_BLOCKED]


def test_what_was_asked_before_the_server_was_known(wire: Wire) -> None:
    wire.asks(0)
    wire.answers(0.1, DHCP, lease=True, VENDOR_CLASS=b"PXEClient")
    wire.asks_4011(1, DHCP)
    wire.asks(6, xid=2)
    wire.answers(6.2, BOOT, lease=False, file=MAC.encode() + b"/x", xid=2, VENDOR_CLASS=b"PXEClient")
    assert wire.replay.was_mistaken


def test_a_boot_by_http(wire: Wire) -> None:
    wire.offered()
    wire.http(1, f"/_/ipxe?mac={MAC}&arch=x86_64&platform=efi")
    wire.http(2, f"/_/file?name=t&type=kernel&mac={MAC}", size=9)
    wire.http(3, f"/_/file?name=t&type=initrd&mac={MAC}", size=9)
    wire.http(4, f"/_/booting?mac={MAC}&name=t")
    assert wire.kinds() == ["offered", "script-sent", "kernel-sent", "initrd-sent", "booting"]


@pytest.mark.parametrize(
    ("status", "kind"), [(404, "ignored"), (503, "held"), (500, "failed"), (403, "ignored"), (200, "script-sent")]
)
def test_what_is_answered_to_a_request_for_a_script(wire: Wire, status: int, kind: str) -> None:
    wire.offered()
    wire.http(1, f"/_/ipxe?mac={MAC}&arch=x86_64&platform=efi", status)
    assert wire.kinds() == ["offered", kind]


def test_a_file_that_breaks_off(wire: Wire) -> None:
    wire.offered()
    wire.answers(0.9, DHCP, lease=True, kind=MessageType.ACK)
    wire.http(1, f"/_/ipxe?mac={MAC}&arch=x86_64&platform=efi")
    wire.http(2, "/boot/vmlinuz", size=1000, came=400)
    assert wire.causes() == [Cause.FILE_FAILED]


def test_a_step_that_failed_says_so_in_its_url(wire: Wire) -> None:
    wire.offered()
    wire.http(1, f"/_/ipxe?mac={MAC}&arch=x86_64&platform=efi")
    wire.http(2, f"/_/failed?mac={MAC}&name=t&step=kernel&errno=0x2e008081")
    assert wire.causes() == [Cause.NOT_A_KERNEL]


@given(st.lists(st.tuples(st.binary(max_size=400), st.sampled_from([67, 68, 69, 4011, 2000]), st.booleans())))
def test_any_datagrams(datagrams: list[tuple[bytes, int, bool]]) -> None:
    wire = Wire()
    for number, (data, port, by_machine) in enumerate(datagrams):
        source, to = ((MACHINE, 2000), (BOOT, port)) if by_machine else ((BOOT, port), (MACHINE, 2000))
        wire.udp(number, source, to, data)
    wire.replay.finish()
    assert list(explained(wire.replay, wire.replay.explainable())) is not None


@given(st.text(max_size=60), st.integers(100, 599), st.integers(0, 10), st.one_of(st.none(), st.integers(0, 10)))
def test_any_requests(target: str, status: int, size: int, came: int | None) -> None:
    wire = Wire()
    wire.offered()
    for path in (target, f"/_/{target}", f"/_/file?type=kernel&mac={MAC}&{target}", f"/_/failed?mac={MAC}&{target}"):
        wire.http(1, path, status, size, came)
    wire.replay.finish()
    (found,) = explained(wire.replay, [MAC])
    assert found["mac"] == MAC

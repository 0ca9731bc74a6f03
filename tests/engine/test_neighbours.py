"""Other DHCP and proxy servers, judged by what they say; each thing once, and within bounds."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.boot.tokens import Origin, Sealer
from pixiecore_core.engine.neighbour_mends import MENDS, Problem
from pixiecore_core.engine.neighbours import FORGOTTEN_SECONDS, MOST_MACHINES, MOST_SERVERS, Neighbourhood, News
from pixiecore_core.errors import WireError
from pixiecore_core.wire import dhcp4
from pixiecore_core.wire.dhcp4 import NO_ADDRESS, Dhcp4Message, MessageType, Op, Option
from tests.golden import golden_datagrams
from tests.messages import MAC

ROUTER, PROXY = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.9")
LEASE = IPv4Address("192.0.2.100")
OURS, THEIRS = Sealer(), Sealer()
ORIGIN = Origin(mac="52:54:00:12:34:56")
PXE = {Option.VENDOR_CLASS: b"PXEClient"}


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def said(options: dict[int, bytes] | None = None, server: IPv4Address = ROUTER, **more: object) -> Dhcp4Message:
    """An offer of an address."""
    base = {Option.MESSAGE_TYPE: bytes([MessageType.OFFER]), Option.SERVER_ID: server.packed}
    fields: dict[str, object] = {"op": Op.BOOTREPLY, "xid": 1, "chaddr": MAC, "yiaddr": LEASE}
    return Dhcp4Message(options=base | (options or {}), **(fields | more))  # type: ignore[arg-type]


def of_kind(kind: MessageType) -> Dhcp4Message:
    return said({Option.MESSAGE_TYPE: bytes([kind])})


def proxied(options: dict[int, bytes], **more: object) -> Dhcp4Message:
    """An offer of a boot."""
    return said(PXE | options, server=PROXY, yiaddr=NO_ADDRESS, **more)


def news(*messages: Dhcp4Message, of: Neighbourhood | None = None) -> list[News]:
    neighbourhood = of or Neighbourhood(opens=lambda token: OURS.open_origin(token) is not None)
    return [one for message in messages for one in neighbourhood.heard(message, ROUTER, "eth0")]


def problems(*messages: Dhcp4Message) -> list[Problem | None]:
    return [one.problem for one in news(*messages)]


def test_a_router_that_gives_addresses_is_only_there() -> None:
    (one,) = news(said(), of_kind(MessageType.ACK))
    assert (one.problem, one.breaks, one.mend) == (None, False, ())
    assert one.text == "the DHCP server at 192.0.2.1 on eth0 gives addresses"


def test_an_answer_of_port_4011_repeats_the_clients_address() -> None:
    """dnsmasq's, captured in the lab: it is a proxy's still, since it names no lease."""
    answer = said(PXE | {Option.MESSAGE_TYPE: bytes([MessageType.ACK])}, server=PROXY, file=b"theirs.efi")
    assert problems(proxied({}), answer) == [None, Problem.SECOND_PROXY, Problem.SECOND_PROXY]
    leased = said(PXE | {Option.MESSAGE_TYPE: bytes([MessageType.ACK]), Option.LEASE_TIME: bytes(4)})
    assert problems(leased) == [None, Problem.PXE_CLASS]


def test_option_60_without_43_and_with_it() -> None:
    (_, one) = news(said(PXE))
    assert one.problem is Problem.PXE_CLASS
    assert one.breaks
    assert one.mend[1].startswith("dnsmasq: remove dhcp-option=60,PXEClient")
    assert problems(said(PXE | {Option.VENDOR_SPECIFIC: b"\x06\x01\x08\xff"})) == [None]


def test_no_pxedhcp() -> None:
    assert problems(said({Option.IPXE: b"\xb0\x01\x01"})) == [None, Problem.NO_PXEDHCP]
    assert problems(said({Option.IPXE: b"\xb0\x01\x00"})) == [None]
    assert problems(said({Option.IPXE: b"\xb0\x09\x01"})) == [None], "what cannot be read says nothing"


def test_a_second_proxy_is_told_once_for_each_file() -> None:
    first, second = proxied({Option.BOOT_FILE: b"undionly.kpxe\0"}), proxied({}, file=b"other.efi")
    told = news(first, first, second, second)
    assert [one.problem for one in told] == [None, Problem.SECOND_PROXY, Problem.SECOND_PROXY]
    assert "a proxy at 192.0.2.9 on eth0" in told[1].text
    assert '"undionly.kpxe"' in told[1].text
    assert '"other.efi"' in told[2].text


def test_a_boot_file_of_the_dhcp_servers_own_breaks_nothing_by_itself() -> None:
    (_, one) = news(said(file=b"pxelinux.0", siaddr=PROXY))
    assert (one.problem, one.breaks) == (Problem.OTHER_FILE, False)
    assert 'names a boot file of its own, "pxelinux.0" on 192.0.2.9' in one.text


@pytest.mark.parametrize(("sealer", "problem"), [(OURS, None), (THEIRS, Problem.OTHER_KEY)])
def test_another_pixiecore_by_its_key(sealer: Sealer, problem: Problem | None) -> None:
    url = f"http://192.0.2.9/_/ipxe/{sealer.seal_origin(ORIGIN)}".encode()
    first = proxied({Option.BOOT_FILE: b"52:54:00:12:34:56/bios/undionly.kpxe"})
    told = news(first, proxied({Option.BOOT_FILE: url}))
    assert [one.problem for one in told] == [None, problem]
    assert told[0].text == "a proxy at 192.0.2.9 on eth0 is another Pixiecore"
    assert ("with our key" in told[1].text) == (problem is None)
    assert sealer.seal_origin(ORIGIN) not in told[1].text


def test_what_no_server_says_of_itself_is_passed_over() -> None:
    assert news(said(op=Op.BOOTREQUEST), of_kind(MessageType.NAK), said(yiaddr=NO_ADDRESS)) == []
    assert [one for datagram in golden_datagrams() for one in news(dhcp4.parse(datagram.data))] == []


def test_silence_for_an_hour_makes_a_server_new_again() -> None:
    clock = Clock(1.0)
    neighbourhood = Neighbourhood(clock=clock)
    assert len(news(said(PXE), of=neighbourhood)) == 2
    clock.now = FORGOTTEN_SECONDS
    assert news(said(PXE), of=neighbourhood) == []
    assert len(neighbourhood.all()) == 1
    clock.now = 3 * FORGOTTEN_SECONDS
    assert neighbourhood.all() == []
    assert len(news(said(PXE), of=neighbourhood)) == 2


def test_whether_a_machine_was_offered_an_address() -> None:
    clock = Clock(100.0)
    neighbourhood = Neighbourhood(clock=clock)
    assert neighbourhood.now().gave_address(ORIGIN.mac, 1.0) is None, "nobody listens"
    neighbourhood.listens()
    clock.now = 110.0
    assert neighbourhood.now().gave_address(ORIGIN.mac, 5.0) is False
    assert neighbourhood.now().gave_address(ORIGIN.mac, 20.0) is None, "nobody listened then"
    news(proxied({}), of=neighbourhood)
    assert neighbourhood.now().gave_address(ORIGIN.mac, 5.0) is False, "a boot is no address"
    news(said(), of=neighbourhood)
    assert neighbourhood.now().gave_address(ORIGIN.mac, 5.0) is True
    assert neighbourhood.now().gave_address("52:54:00:00:00:01", 5.0) is False
    clock.now = 125.0
    assert neighbourhood.now().gave_address(ORIGIN.mac, 5.0) is False, "it is long ago"


def test_a_flood_of_offers_is_bounded_and_makes_nothing_known() -> None:
    clock = Clock(1.0)
    neighbourhood = Neighbourhood(clock=clock)
    neighbourhood.listens()
    for number in range(MOST_MACHINES + 5):
        neighbourhood.heard(said(chaddr=number.to_bytes(6)), ROUTER, "eth0")
    assert len(neighbourhood._offered) == MOST_MACHINES
    assert neighbourhood.now().gave_address(ORIGIN.mac, 0.0) is None
    clock.now = 100.0
    assert neighbourhood.now().gave_address(ORIGIN.mac, 0.0) is False, "the flood is over"


def test_problems_are_there_to_be_asked_for_the_worst_first() -> None:
    neighbourhood = Neighbourhood()
    news(said(PXE, file=b"theirs.0"), proxied({}), of=neighbourhood)
    found = [one.problem for one in neighbourhood.problems()]
    assert found == [Problem.PXE_CLASS, Problem.SECOND_PROXY, Problem.OTHER_FILE]


@given(st.lists(st.tuples(st.integers(1, 2**31), st.binary(max_size=30)), max_size=200))
def test_however_many_speak_it_stays_bounded(spoken: list[tuple[int, bytes]]) -> None:
    neighbourhood = Neighbourhood()
    for number, name in spoken:
        news(said(file=name, server=IPv4Address(number)), of=neighbourhood)
        news(said(file=name), of=neighbourhood)
    assert len(neighbourhood.all()) <= MOST_SERVERS
    assert all(len(known.told) <= 64 for known in neighbourhood._known.values())


@given(st.binary(max_size=200))
def test_whatever_is_in_a_message_is_one_printable_line(tail: bytes) -> None:
    data = dhcp4.serialize(said(PXE))
    with suppress(WireError):
        for one in news(dhcp4.parse(data[:-1].rstrip(b"\0").removesuffix(b"\xff") + tail)):
            assert one.text.isprintable()
            assert len(one.text) < 700


def test_every_problem_has_a_mend_for_the_products_that_people_have() -> None:
    assert set(MENDS) == set(Problem)
    for problem in (Problem.PXE_CLASS, Problem.NO_PXEDHCP, Problem.SECOND_PROXY, Problem.OTHER_FILE):
        text = "\n".join(MENDS[problem])
        assert all(product in text for product in ("dnsmasq", "ISC dhcpd", "Kea", "Windows", "OPNsense", "UniFi"))

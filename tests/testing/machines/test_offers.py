"""Which of several offers firmware takes: the combinations that FIELD knows to matter."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.errors import WireError
from pixiecore_core.testing.machines.offers import for_http_boot, for_ipxe, for_pi, for_pxe, for_u_boot, read
from pixiecore_core.testing.machines.steps import Answer
from pixiecore_core.wire.dhcp4 import NO_ADDRESS, Dhcp4Message, MessageType, Op, parse

ROUTER, PROXY, OTHER = "192.0.2.1", "192.0.2.2", "192.0.2.3"
SKIP = b"\x06\x01\x08\xff"
PXE = b"PXEClient"


def answer(source: str, file: bytes = b"", siaddr: str = "", **codes: bytes) -> Answer:
    """An offer from this server; the router's gives an address."""
    options = {53: bytes([MessageType.OFFER]), 54: IPv4Address(source).packed}
    options |= {int(code.removeprefix("o")): value for code, value in codes.items()}
    message = Dhcp4Message(
        op=Op.BOOTREPLY,
        xid=1,
        chaddr=bytes(6),
        options=options,
        yiaddr=IPv4Address("192.0.2.100") if source == ROUTER else NO_ADDRESS,
        siaddr=IPv4Address(siaddr or source),
        file=file,
    )
    return Answer(message, source)


PLAIN = answer(ROUTER)
MENU = answer(PROXY, b"with-43", o60=PXE, o43=SKIP)
BINL = answer(PROXY, b"binl", o60=PXE)


def test_pxe_needs_a_lease_beside_a_proxy() -> None:
    choice = for_pxe(read([PLAIN, BINL]))
    assert choice is not None
    assert (choice.offer.name, [one.source for one in choice.ask], choice.without_lease) == ("binl", [PROXY], False)
    alone = for_pxe(read([BINL]))
    assert alone is not None
    assert alone.without_lease
    assert for_pxe(read([PLAIN])) is None


def test_option_43_comes_before_none_whatever_came_first() -> None:
    for offers in ([PLAIN, BINL, MENU], [MENU, BINL, PLAIN]):
        choice = for_pxe(read(offers))
        assert choice is not None
        assert (choice.offer.name, choice.ask) == ("with-43", ())


def test_a_dhcp_server_that_says_pxe_shuts_proxies_out() -> None:
    choice = for_pxe(read([answer(ROUTER, o60=PXE), MENU, BINL]))
    assert choice is not None
    assert (choice.offer.source, [one.source for one in choice.ask]) == (ROUTER, [ROUTER])


def test_the_dhcp_servers_own_file_counts_where_nobody_else_has_one() -> None:
    plain = answer(ROUTER, b"from-router")
    assert [for_pxe(read(offers)).offer.name for offers in ([plain], [plain, BINL])] == ["from-router", "binl"]  # type: ignore[union-attr]


def test_without_option_60_a_proxy_is_nothing_to_pxe() -> None:
    assert for_pxe(read([PLAIN, answer(PROXY, b"x", o43=SKIP)])) is None


def test_http_boot_takes_a_url_from_who_says_httpclient() -> None:
    url = b"http://192.0.2.2/x.efi"
    choice = for_http_boot(read([PLAIN, BINL, answer(PROXY, o60=b"HTTPClient", o67=url)]))
    assert choice is not None
    assert choice.offer.name == url.decode()
    assert for_http_boot(read([PLAIN, answer(PROXY, o60=PXE, o67=url)])) is None


def test_ipxe_prefers_the_dhcp_servers_file_unless_a_proxy_has_priority() -> None:
    own = answer(ROUTER, b"from-router")
    plain, first = (answer(PROXY, b"http://x/", o60=PXE, **more) for more in ({}, {"o175": b"\x01\x01\x01"}))
    taken = [for_ipxe(read(offers)).offer.source for offers in ([own, plain], [own, first], [PLAIN, plain])]  # type: ignore[union-attr]
    assert taken == [ROUTER, PROXY, PROXY]


def test_ipxe_asks_a_proxy_without_an_address_and_hears_who_forbids_proxies() -> None:
    nameless = answer(PROXY, b"x", "0.0.0.0", o60=PXE)
    choice = for_ipxe(read([PLAIN, nameless]))
    assert choice is not None
    assert len(choice.ask) == 1
    assert for_ipxe(read([answer(ROUTER, o175=b"\xb0\x01\x01"), BINL])) is None


def test_boards() -> None:
    proxy = answer(PROXY, b"folder/pxelinux.0", o60=PXE)
    choice = for_u_boot(read([proxy, PLAIN]))
    assert choice is not None
    assert (choice.offer.source, choice.without_lease) == (ROUTER, False)
    choice = for_u_boot(read([proxy]))
    assert choice is not None
    assert choice.without_lease
    words = b"\x09\x14\x00\x00\x11Raspberry Pi Boot"
    assert for_pi(read([PLAIN, proxy])) is None
    assert for_pi(read([PLAIN, answer(PROXY, o60=PXE, o43=words)])) is not None


@given(st.binary(max_size=120), st.binary(max_size=40))
def test_whatever_an_offer_holds_it_is_read(options: bytes, rest: bytes) -> None:
    data = b"\x02\x01\x06\x00" + bytes(232) + b"\x63\x82\x53\x63\x35\x01\x02" + options + rest
    try:
        message = parse(data)
    except WireError:
        return
    offers = read([Answer(message, PROXY)])
    for choose in (for_pxe, for_http_boot, for_ipxe, for_u_boot, for_pi):
        choice = choose(offers)
        assert choice is None or choice.offer in offers

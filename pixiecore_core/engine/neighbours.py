"""The other DHCP and proxy servers on our networks, by what they say: who is there, and which of them spoil boots.

Pure: takes messages of others, and gives each piece of news once; the clock is given when it is made. Bounded; listens
to nothing itself.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pixiecore_core.boot.paths import LOADER_PATH, parse_loader_path
from pixiecore_core.engine.neighbour_mends import MENDS, Problem
from pixiecore_core.errors import WireError
from pixiecore_core.wire.dhcp4 import NO_ADDRESS, Dhcp4Message, MessageType, Op, Option, suboptions

MOST_SERVERS = 64
FORGOTTEN_SECONDS = 3600.0
_BEFORE_US = 5.0
"""Seconds that a DHCP server may be heard before our own offer, which a plugin may have had to wait for."""
MOST_MACHINES = 10_000
"""Of which it is known when a DHCP server offered them an address."""
_MOST_TOLD = 64
"""Things that are told of one server; a hostile one may name as many files as it likes."""
_LONGEST_NAME = 200
_NO_PXEDHCP = 176  # a suboption of iPXE's option 175
_SEALED = re.compile(r"https?://[^/]{1,300}/_/ipxe/([\w-]{16,1000})")
"""What a Pixiecore offers iPXE: see OFFERED_PATH in boot/paths.py."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What a server said last."""

    server: str
    """Its address: option 54, or else where the message came from."""
    interface: str = ""
    is_proxy: bool = False
    """Whether it gave no address."""
    vendor_class: str = ""
    """Option 60."""
    boot_file: str = ""
    """Option 67, or else the header's."""
    next_server: str = ""
    """siaddr, or else option 66."""
    vendor_options: tuple[int, ...] | None = None
    """The suboptions of option 43; ``None`` where that is missing."""
    no_pxedhcp: bool = False
    """iPXE's option 175.176."""

    @property
    def names_pxe(self) -> bool:
        """Whether it says that it is for PXE clients."""
        return self.vendor_class.startswith("PXEClient")


@dataclass(frozen=True, slots=True)
class News:
    """Something about a neighbour that was not known."""

    neighbour: Neighbour
    problem: Problem | None
    """``None``: only that it is there."""
    text: str
    """One sentence, without a capital or a full stop."""
    breaks: bool = False
    """Whether boots fail by it."""

    @property
    def mend(self) -> tuple[str, ...]:
        """What to do about it, in lines."""
        return MENDS[self.problem] if self.problem is not None else ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known at one moment, with which many machines can be explained."""

    problems: Sequence[News] = ()
    """What others do by which boots fail, or may."""
    gave_address: Callable[[str, float], bool | None] = lambda mac, seconds: None
    """Whether a DHCP server was heard to offer a machine an address; ``None`` where that cannot be known. Takes its
    MAC, in lower case with colons, and how many seconds ago its attempt began.
    """

    def problems_on(self, interface: str) -> Sequence[News]:
        """Those of servers on one interface, or wherever they are in a capture."""
        return [news for news in self.problems if not interface or news.neighbour.interface in ("", interface)]


@dataclass(slots=True)
class _Known:
    neighbour: Neighbour
    seen: float
    told: set[tuple[Problem | None, str]] = field(default_factory=set)


class Neighbourhood:
    """The servers that were heard in the last hour, and which machines they offered an address.

    :param opens: whether a token in a Pixiecore's URL was sealed by our key; ``None`` where there is no key to tell by
    :param clock: seconds, of a clock that never goes back
    """

    def __init__(
        self, opens: Callable[[str], bool] | None = lambda token: False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._opens = opens
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._since: float | None = None
        self._offered: OrderedDict[bytes, float] = OrderedDict()
        self._forgotten = float("-inf")
        """When the latest of those was offered an address that are forgotten for lack of room."""

    def listens(self, since: float | None = None) -> None:
        """Everything that is broadcast is handed on from now on, or from another time of the clock. Called again when
        something was not.
        """
        self._since = self._clock() if since is None else since

    def heard(self, message: Dhcp4Message, source: IPv4Address, interface: str) -> list[News]:
        """What is new by a message that another server, and not this one, sent to a client.

        :param source: the address that it came from
        """
        neighbour, now = describe(message, source, interface), self._clock()
        if neighbour is None:
            return []
        if not neighbour.is_proxy:
            self._gave(message.chaddr, now)
        self._forget(now)
        known = self._known.pop(neighbour.server, None) or _Known(neighbour, now)
        known.neighbour, known.seen = neighbour, now
        self._known[neighbour.server] = known  # at the end: that heard last
        if len(self._known) > MOST_SERVERS:
            del self._known[next(iter(self._known))]
        fresh = []
        for key, news in self._judged(neighbour):
            if key not in known.told and len(known.told) < _MOST_TOLD:
                known.told.add(key)
                fresh.append(news)
        return fresh

    def _gave_address(self, mac: str, began: float) -> bool | None:
        at = self._offered.get(bytes.fromhex(mac.replace(":", "")))
        if at is not None and at >= began - _BEFORE_US:
            return True
        unheard = self._since is None or self._since > began or self._forgotten >= began - _BEFORE_US
        return None if unheard else False

    def all(self) -> list[Neighbour]:
        """Those that were heard lately, by their addresses."""
        self._forget(self._clock())
        return sorted((known.neighbour for known in self._known.values()), key=lambda one: IPv4Address(one.server))

    def problems(self) -> list[News]:
        """What is wrong with them now, told before or not; those by which boots fail come first."""
        found = [news for one in self.all() for _, news in self._judged(one) if news.problem is not None]
        return sorted(found, key=lambda news: not news.breaks)

    def now(self) -> Surroundings:
        """How it is now."""
        now = self._clock()
        return Surroundings(self.problems(), lambda mac, seconds: self._gave_address(mac, now - seconds))

    def _gave(self, chaddr: bytes, now: float) -> None:
        self._offered[chaddr] = now
        self._offered.move_to_end(chaddr)
        if len(self._offered) > MOST_MACHINES:
            self._forgotten = self._offered.popitem(last=False)[1]

    def _forget(self, now: float) -> None:
        gone = [server for server, known in self._known.items() if now - known.seen > FORGOTTEN_SECONDS]
        for server in gone:
            del self._known[server]

    def _judged(self, one: Neighbour) -> Iterator[tuple[tuple[Problem | None, str], News]]:
        """Whatever there is to say, with what makes it another thing than before."""
        sealed = _SEALED.match(one.boot_file)
        if sealed is not None and one.is_proxy:
            if self._opens is None:
                yield (None, "pixiecore"), News(one, None, f"{_where(one)} is another Pixiecore")
                return
            if self._opens(sealed[1]):
                yield (None, "ours"), News(one, None, f"{_where(one)} is another Pixiecore with our key")
                return
            text = f"{_where(one)} is another Pixiecore, with another key: machines fail that go from one to the other"
            yield (Problem.OTHER_KEY, ""), News(one, Problem.OTHER_KEY, text, breaks=True)
            return
        if one.is_proxy and parse_loader_path(one.boot_file.partition(LOADER_PATH)[2] or one.boot_file) is not None:
            # Whose key it has shows in what it offers iPXE.
            yield (None, "pixiecore"), News(one, None, f"{_where(one)} is another Pixiecore")
            return
        what = "offers boots" if one.is_proxy else "gives addresses"
        yield (None, what), News(one, None, f"{_where(one)} {what}")
        if not one.is_proxy and one.names_pxe and one.vendor_options is None:
            text = f"{_where(one)} sends option 60 (PXEClient) without 43: firmware asks its port 4011 instead of us"
            yield (Problem.PXE_CLASS, ""), News(one, Problem.PXE_CLASS, text, breaks=True)
        if one.no_pxedhcp:
            text = f"{_where(one)} tells iPXE to wait for no proxy (option 175.176), so that iPXE never asks us"
            yield (Problem.NO_PXEDHCP, ""), News(one, Problem.NO_PXEDHCP, text, breaks=True)
        if one.is_proxy:
            named = f', with the boot file "{one.boot_file}"' if one.boot_file else ", and says where on its port 4011"
            text = f"{_where(one)} offers boots, too{named}: machines pick one of us"
            yield (Problem.SECOND_PROXY, one.boot_file), News(one, Problem.SECOND_PROXY, text, breaks=True)
        elif one.boot_file:
            on = f" on {one.next_server}" if one.next_server else ""
            text = f'{_where(one)} names a boot file of its own, "{one.boot_file}"{on}: some firmware takes that'
            yield (Problem.OTHER_FILE, one.boot_file), News(one, Problem.OTHER_FILE, text)


def describe(message: Dhcp4Message, source: IPv4Address, interface: str) -> Neighbour | None:
    """The server that sent *message*; ``None`` where it is no answer of a server, or one that says nothing of it."""
    if message.op != Op.BOOTREPLY or message.message_type not in (MessageType.OFFER, MessageType.ACK):
        return None
    options = message.options
    identity = options.get(Option.SERVER_ID, b"")
    server = IPv4Address(identity) if len(identity) == 4 else source
    # An ACK to an INFORM gives no address either, and is no proxy's (RFC 2131 section 4.3.5).
    vendor_class = _text(options.get(Option.VENDOR_CLASS, b""))
    # On port 4011 dnsmasq repeats the client's address, without a lease, which a DHCP server must name (section 4.3.1).
    gives = message.yiaddr != NO_ADDRESS and (Option.LEASE_TIME in options or message.message_type == MessageType.OFFER)
    is_proxy = not gives and vendor_class.startswith(("PXEClient", "HTTPClient"))
    if message.yiaddr == NO_ADDRESS and not is_proxy:
        return None
    named = _text(options.get(Option.TFTP_SERVER_NAME, b""))
    return Neighbour(
        str(server),
        interface,
        is_proxy,
        vendor_class,
        _text(options.get(Option.BOOT_FILE, b"") or message.file),
        str(message.siaddr) if message.siaddr != NO_ADDRESS else named,
        _codes(options.get(Option.VENDOR_SPECIFIC)),
        _inside(options.get(Option.IPXE, b"")).get(_NO_PXEDHCP, b"\0").strip(b"\0") != b"",
    )


def _where(one: Neighbour) -> str:
    on = f" on {one.interface}" if one.interface else ""
    return f"{'a proxy' if one.is_proxy else 'the DHCP server'} at {one.server}{on}"


def _codes(value: bytes | None) -> tuple[int, ...] | None:
    return None if value is None else tuple(_inside(value))


def _inside(value: bytes) -> dict[int, bytes]:
    try:
        return suboptions(value)
    except WireError:
        return {}


def _text(value: bytes) -> str:
    """A text of a stranger's: bounded, and of one line."""
    text = value.partition(b"\0")[0].decode("utf-8", "replace")[:_LONGEST_NAME]
    return "".join(character if character.isprintable() else "?" for character in text)

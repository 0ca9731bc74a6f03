"""A capture of what was said last with one machine: a pcap file, without secrets unless they are asked for.

Made of payloads: hardware addresses of ours and TCP's numbers are made up, and bodies are missing. Decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address

from pixiecore_core.hidden import blanked
from pixiecore_core.observe.frames import LastFrames, Message
from pixiecore_core.wire import pcap
from pixiecore_core.wire.captured import Frame
from pixiecore_core.wire.framing import BROADCAST, STAND_IN, Conversation, udp_frame
from pixiecore_core.wire.udp4 import UdpPacket

_DHCP = 67  # where relays ask, too, and machines that have no address yet
_OF_PEOPLE = re.compile(rb"[A-Z]+ /(?:_/v1/|_/status|machines/)")
"""Requests of those who look at machines."""
_EVERYBODY = IPv4Address("255.255.255.255")


def capture(frames: LastFrames, mac: str, raw: bool = False) -> bytes:
    """The last messages of a machine as a pcap file with nanoseconds: with no frame, where there are none.

    Those of DHCP are its own. Others came from an IPv4 address: that which it asked from on port 4011, and those from
    which somebody asked for a file or a script by its hardware address.

    :param mac: in lower case with colons
    :param raw: with tokens and passwords, which are blanked otherwise
    """
    hardware = bytes.fromhex(mac.replace(":", ""))
    messages = frames.of_hardware(hardware)
    asked_from = {str(message.theirs[0]) for message in messages if not message.sent and message.ours[1] != _DHCP}
    named = _names(mac)
    for address, others in frames.by_address().items():
        asked = (other.data for other in others if not other.sent and not _OF_PEOPLE.match(other.data))
        if address in asked_from or any(named.search(data) for data in asked):
            messages += others
    messages.sort(key=lambda message: message.at)
    return pcap.write(_framed(messages, mac, raw))


def _framed(messages: list[Message], mac: str, raw: bool) -> Iterator[Frame]:
    conversations: dict[tuple[object, ...], Conversation] = {}
    for message in messages:
        data = message.data if raw else blanked(message.data)
        ours, theirs = IPv4Address(str(message.ours[0])), IPv4Address(str(message.theirs[0]))
        missing = message.length - len(data)
        if message.tcp:
            client, server = (theirs, message.theirs[1], mac), (ours, message.ours[1], STAND_IN)
            talk = conversations.setdefault((client, server), Conversation(client, server))
            yield from talk.say(message.at, not message.sent, data, missing)
        elif message.sent:
            packet = UdpPacket(ours, message.ours[1], theirs, message.theirs[1], data, missing)
            yield udp_frame(message.at, packet, STAND_IN, _way_to(theirs, mac))
        else:
            packet = UdpPacket(theirs, message.theirs[1], ours, message.ours[1], data, missing)
            yield udp_frame(message.at, packet, mac, _way_to(ours, STAND_IN))


def _way_to(address: IPv4Address, hardware: str) -> str:
    return BROADCAST if address == _EVERYBODY else hardware


def _names(mac: str) -> re.Pattern[bytes]:
    """Whatever names a machine in a path or a query: with colons, escaped or not, dashes or nothing."""
    return re.compile(rb"(?::|-|%3a|%2d|)".join(part.encode() for part in mac.split(":")), re.IGNORECASE)

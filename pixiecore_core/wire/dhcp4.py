"""DHCPv4 messages: bytes to values and back (RFC 2131, 2132, 3396).

The codec is dhcppython; this module is the wall around it. dhcppython 0.1.4 leaks KeyError and IndexError on malformed
input, keeps only the last part of a split option, ignores option 52, drops the End option behind a trailing 0xff and
cuts a long boot file silently. So options are walked here, the fixed header goes through dhcppython, and the only
exception that leaves is WireError. No I/O, no clock, no opinion about who should boot.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Address

with warnings.catch_warnings():
    # dhcppython 0.1.4 reads its tables through importlib.resources.open_text, deprecated since Python 3.11, and
    # leaves the files to the garbage collector.
    warnings.simplefilter("ignore")
    from dhcppython.options import UnknownOption
    from dhcppython.packet import DHCPPacket

from pixiecore_core.errors import WireError

MAGIC_COOKIE = b"\x63\x82\x53\x63"
HEADER_BYTES = 240
"""The fixed fields and the magic cookie."""
MINIMUM_BYTES = 300
"""RFC 1542 section 2.1: BOOTP messages are at least this long, and relays may drop shorter ones."""
SNAME_BYTES = 64
FILE_BYTES = 128

_SNAME = slice(44, 108)
_FILE = slice(108, 236)
_END = 255
_PAD = 0
NO_ADDRESS = IPv4Address(0)


class Op(IntEnum):
    """RFC 2131 section 2, field 'op'."""

    BOOTREQUEST = 1
    BOOTREPLY = 2


class MessageType(IntEnum):
    """RFC 2132 section 9.6, option 53."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


class Option(IntEnum):
    """The option codes that network boot uses; others stay plain numbers."""

    VENDOR_SPECIFIC = 43
    OVERLOAD = 52
    MESSAGE_TYPE = 53
    SERVER_ID = 54
    MAXIMUM_SIZE = 57
    VENDOR_CLASS = 60
    TFTP_SERVER_NAME = 66
    BOOT_FILE = 67
    USER_CLASS = 77
    RELAY_AGENT = 82
    CLIENT_ARCHITECTURE = 93
    NETWORK_INTERFACE = 94
    CLIENT_UUID = 97
    IPXE = 175


@dataclass(frozen=True, slots=True)
class Dhcp4Message:
    """One DHCP message. ``options`` maps each code to its whole value, parts joined as RFC 3396 says."""

    op: int
    xid: int
    chaddr: bytes
    options: Mapping[int, bytes]
    htype: int = 1
    hops: int = 0
    secs: int = 0
    flags: int = 0
    ciaddr: IPv4Address = NO_ADDRESS
    yiaddr: IPv4Address = NO_ADDRESS
    siaddr: IPv4Address = NO_ADDRESS
    giaddr: IPv4Address = NO_ADDRESS
    sname: bytes = b""
    file: bytes = b""
    message_type: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        value = self.options.get(Option.MESSAGE_TYPE, b"")
        object.__setattr__(self, "message_type", value[0] if len(value) == 1 else 0)


def parse(data: bytes) -> Dhcp4Message:
    """The message in *data*, one UDP payload.

    :raises WireError: it is not a well-formed DHCPv4 message
    """
    if len(data) < HEADER_BYTES:
        raise WireError(f"{len(data)} bytes are too short for a DHCP message", len(data))
    if data[236:240] != MAGIC_COOKIE:
        raise WireError("the magic cookie is missing", 236)
    hlen = data[2]
    if hlen > 16:
        raise WireError(f"hardware address length {hlen} is over 16", 2)
    overload, options = _options(data)
    try:
        # dhcppython reads the fixed header; it is shown no options, whose faults it would leak.
        head = DHCPPacket.from_bytes(data[:HEADER_BYTES] + b"\xff")
    except KeyError:
        raise WireError(f"op {data[0]} or hardware type {data[1]} is unknown", 0) from None
    return Dhcp4Message(
        op=data[0],
        htype=data[1],
        hops=head.hops,
        xid=head.xid,
        secs=head.secs,
        flags=head.flags,
        ciaddr=head.ciaddr,
        yiaddr=head.yiaddr,
        siaddr=head.siaddr,
        giaddr=head.giaddr,
        # dhcppython strips trailing zeros, which a MAC address may end in.
        chaddr=data[28 : 28 + hlen],
        sname=b"" if overload & 2 else _c_string(data[_SNAME]),
        file=b"" if overload & 1 else _c_string(data[_FILE]),
        options=options,
    )


def serialize(message: Dhcp4Message) -> bytes:
    """*message* as one UDP payload, ended by End and padded to the BOOTP minimum.

    Options keep the order of the mapping; a value over 255 bytes is split (RFC 3396 section 5).

    :raises WireError: sname or file does not fit its field; a boot file that long belongs in option 67
    """
    if len(message.sname) > SNAME_BYTES or len(message.file) > FILE_BYTES - 1:
        raise WireError(f"a boot file name of {len(message.file)} bytes does not fit the header's {FILE_BYTES}", 108)
    packet = DHCPPacket(
        op=Op(message.op).name,
        htype=DHCPPacket.htype_map[message.htype],
        hlen=len(message.chaddr),
        hops=message.hops,
        xid=message.xid,
        secs=message.secs,
        flags=message.flags,
        ciaddr=message.ciaddr,
        yiaddr=message.yiaddr,
        siaddr=message.siaddr,
        giaddr=message.giaddr,
        chaddr=message.chaddr.hex(":"),
        sname=message.sname,
        file=message.file,
        # A list and not an OptionList, which would fold the parts of a split option into one.
        options=[UnknownOption(code, len(part), part) for code, part in _parts(message.options)],
    )
    data: bytes = packet.asbytes
    # dhcppython leaves End out when the last value ends in 0xff, as an encapsulated option 43 does.
    body = HEADER_BYTES + sum(2 + len(part) for _, part in _parts(message.options))
    return (data[:body] + b"\xff").ljust(MINIMUM_BYTES, b"\0")


def suboptions(data: bytes) -> dict[int, bytes]:
    """The code-length-value list inside an encapsulated option, such as 43 or 175.

    :raises WireError: a length points past the end
    """
    found: dict[int, bytes] = {}
    for code, value in _walk(data, 0, len(data)):
        found[code] = found.get(code, b"") + value
    return found


def _options(data: bytes) -> tuple[int, dict[int, bytes]]:
    """The overload value and every option: the options field, then file, then sname (RFC 3396 section 5)."""
    options: dict[int, bytes] = {}
    _collect(options, _walk(data, HEADER_BYTES, len(data)))
    value = options.get(Option.OVERLOAD, b"")
    overload = value[0] if len(value) == 1 else 0
    if overload & 1:
        _collect(options, _walk(data, _FILE.start, _FILE.stop))
    if overload & 2:
        _collect(options, _walk(data, _SNAME.start, _SNAME.stop))
    return overload, options


def _collect(options: dict[int, bytes], found: Iterable[tuple[int, bytes]]) -> None:
    for code, value in found:
        options[code] = options[code] + value if code in options else value


def _walk(data: bytes, position: int, stop: int) -> Iterator[tuple[int, bytes]]:
    """Options from *position* to End or *stop*; a missing End is tolerated, as some ROMs leave it out."""
    while position < stop:
        code = data[position]
        if code == _END:
            return
        if code == _PAD:
            position += 1
            continue
        if position + 1 >= stop:
            raise WireError(f"option {code} has no length", position)
        end = position + 2 + data[position + 1]
        if end > stop:
            raise WireError(f"option {code} claims {data[position + 1]} bytes, past the end", position)
        yield code, data[position + 2 : end]
        position = end


def _parts(options: Mapping[int, bytes]) -> Iterator[tuple[int, bytes]]:
    for code, value in options.items():
        yield code, value[:255]
        for start in range(255, len(value), 255):
            yield code, value[start : start + 255]


def _c_string(field_bytes: bytes) -> bytes:
    return field_bytes.partition(b"\0")[0]

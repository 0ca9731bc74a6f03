"""DHCPv4 messages: bytes to values and back (RFC 2131, 2132, 3396).

The codec is dhcppython; this module is the wall around it. dhcppython 0.1.4 leaks KeyError and IndexError on malformed
input, keeps only the last part of a split option, ignores option 52, drops the End option after a trailing 0xff and
cuts a long boot file silently. So options are walked here, everything else goes through dhcppython, and the only
exception that leaves is WireError. It is also slow: what it made of a header or an option is remembered, because
machines differ in little more than xid, chaddr and UUID. No I/O, no clock, no opinion about who should boot.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
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
CHADDR_BYTES = 16
SNAME_BYTES = 64
FILE_BYTES = 128

_XID_SECS = struct.Struct("!LH")  # at byte 4
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

    HOST_NAME = 12
    VENDOR_SPECIFIC = 43
    REQUESTED_ADDRESS = 50
    LEASE_TIME = 51
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
        head = _decoded(data[:4], data[10:28])
    except KeyError:
        raise WireError(f"op {data[0]} or hardware type {data[1]} is unknown", 0) from None
    xid, secs = _XID_SECS.unpack_from(data, 4)
    return Dhcp4Message(
        op=data[0],
        htype=data[1],
        hops=head.hops,
        xid=xid,
        secs=secs,
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

    :raises WireError: a value does not fit its field; a boot file that long belongs in option 67
    """
    if len(message.chaddr) > CHADDR_BYTES:
        raise WireError(
            f"a hardware address of {len(message.chaddr)} bytes does not fit the header's {CHADDR_BYTES}", 28
        )
    if len(message.sname) > SNAME_BYTES or len(message.file) > FILE_BYTES - 1:
        raise WireError(f"a boot file name of {len(message.file)} bytes does not fit the header's {FILE_BYTES}", 108)
    head = _encoded(
        message.op,
        message.htype,
        len(message.chaddr),
        message.hops,
        message.flags,
        (message.ciaddr, message.yiaddr, message.siaddr, message.giaddr),
        message.sname,
    )
    parts = [
        head[:4],
        _XID_SECS.pack(message.xid, message.secs),
        head[10:28],
        message.chaddr.ljust(CHADDR_BYTES, b"\0"),
        head[_SNAME],
        message.file.ljust(FILE_BYTES, b"\0"),
        MAGIC_COOKIE,
    ]
    for code, value in message.options.items():
        parts.append(_option(code, value))
    # dhcppython leaves End out when the last value ends in 0xff, as an encapsulated option 43 does.
    parts.append(b"\xff")
    return b"".join(parts).ljust(MINIMUM_BYTES, b"\0")


@lru_cache(maxsize=256)
def _decoded(kind: bytes, addresses: bytes) -> DHCPPacket:
    """The fixed header whose bytes 0 to 3 are *kind* and 10 to 27 *addresses*; the other fields are zero.

    dhcppython sees no options, whose faults it would leak, and no chaddr, from which it strips trailing zeros.

    :raises KeyError: op or hardware type is unknown to it
    """
    return DHCPPacket.from_bytes(kind + bytes(6) + addresses + bytes(208) + MAGIC_COOKIE + b"\xff")


@lru_cache(maxsize=256)
def _encoded(
    op: int, htype: int, hlen: int, hops: int, flags: int, addresses: tuple[IPv4Address, ...], sname: bytes
) -> bytes:
    """A fixed header and the magic cookie; xid, secs, chaddr and file are zero."""
    packet = DHCPPacket(
        op=Op(op).name,
        htype=DHCPPacket.htype_map[htype],
        hlen=hlen,
        hops=hops,
        xid=0,
        secs=0,
        flags=flags,
        ciaddr=addresses[0],
        yiaddr=addresses[1],
        siaddr=addresses[2],
        giaddr=addresses[3],
        chaddr="00",
        sname=sname,
        file=b"",
        options=[],
    )
    data: bytes = packet.asbytes
    return data[:HEADER_BYTES]


def _option(code: int, value: bytes) -> bytes:
    """One option, or its parts; RFC 3396 allows an empty one."""
    if len(value) <= 255:
        return _option_head(code, len(value)) + value
    parts = (value[start : start + 255] for start in range(0, len(value), 255))
    return b"".join(_option_head(code, len(part)) + part for part in parts)


@lru_cache(maxsize=512)
def _option_head(code: int, length: int) -> bytes:
    """What dhcppython puts before a value of this length."""
    data: bytes = UnknownOption(code, length, bytes(length)).asbytes
    return data[: len(data) - length]


def suboptions(data: bytes) -> dict[int, bytes]:
    """The code-length-value list inside an encapsulated option, such as 43 or 175.

    :raises WireError: a length points past the end
    """
    found: dict[int, bytes] = {}
    _collect(found, data, 0, len(data))
    return found


def _options(data: bytes) -> tuple[int, dict[int, bytes]]:
    """The overload value and every option: the options field, then file, then sname (RFC 3396 section 5)."""
    options: dict[int, bytes] = {}
    _collect(options, data, HEADER_BYTES, len(data))
    value = options.get(Option.OVERLOAD, b"")
    overload = value[0] if len(value) == 1 else 0
    if overload & 1:
        _collect(options, data, _FILE.start, _FILE.stop)
    if overload & 2:
        _collect(options, data, _SNAME.start, _SNAME.stop)
    return overload, options


def _collect(options: dict[int, bytes], data: bytes, position: int, stop: int) -> None:
    """Add the options from *position* to End or *stop*; a missing End is tolerated, as some ROMs leave it out."""
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
        value = data[position + 2 : end]
        options[code] = options[code] + value if code in options else value
        position = end


def _c_string(field_bytes: bytes) -> bytes:
    return field_bytes.partition(b"\0")[0]

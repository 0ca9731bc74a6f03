"""TFTP packets: bytes to values and back (RFC 1350 section 5, RFC 2347).

Knows the shape of packets and of names, not what an option means or when a packet is due: that is
:mod:`pixiecore_core.boot.transfer`. No I/O, no clock; on any bytes it returns a packet or raises ``WireError``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from pixiecore_core.errors import WireError

LONGEST_REQUEST = 2048
"""Bytes. RFC 2347 section 2 allows 512; longer names exist, a 64 KiB one does not."""
LONGEST_NAME = 1024
"""Characters in a file name."""
_LONGEST_MESSAGE = 200  # characters of a client's error message that are kept
_MOST_OPTIONS = 32
_HEAD = struct.Struct(">HH")
_GARBAGE = "\xff\0"
"""What firmware leaves behind a name: DHCP's End option and its padding (netboot.xyz#1198)."""

Options = tuple[tuple[str, str], ...]
"""Names and values in the order and spelling of the client; names compare without case (RFC 2347 section 2)."""


class Opcode(IntEnum):
    """RFC 1350 section 5; ``OACK``: RFC 2347 section 3."""

    RRQ = 1
    WRQ = 2
    DATA = 3
    ACK = 4
    ERROR = 5
    OACK = 6


class ErrorCode(IntEnum):
    """RFC 1350, appendix; 8: RFC 2347 section 3. Other codes are left as plain integers."""

    NOT_DEFINED = 0
    FILE_NOT_FOUND = 1
    ACCESS_VIOLATION = 2
    DISK_FULL = 3
    ILLEGAL_OPERATION = 4
    UNKNOWN_TRANSFER_ID = 5
    FILE_EXISTS = 6
    NO_SUCH_USER = 7
    OPTION_REFUSED = 8


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A client asks for a file."""

    name: str
    """As sent, one character for each byte; see :func:`normalise_name`."""
    mode: str
    """As sent; ``octet`` in any letter case for bytes as they are."""
    options: Options = ()


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """A client wants to store a file."""

    name: str
    mode: str
    options: Options = ()


@dataclass(frozen=True, slots=True)
class Data:
    """One block of a file."""

    block: int
    """0 to 65535: the block's number, from 1, modulo 65536."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class Ack:
    """A block has arrived, and with it all before it (RFC 7440 section 4)."""

    block: int


@dataclass(frozen=True, slots=True)
class Error:
    """The other side ends the transfer."""

    code: int
    message: str
    """Printable, whatever was sent."""


@dataclass(frozen=True, slots=True)
class OptionAck:
    """The options that a server accepted."""

    options: Options


Packet = ReadRequest | WriteRequest | Data | Ack | Error | OptionAck


def parse(data: bytes) -> Packet:
    """Read one datagram.

    :raises WireError: it is no TFTP packet
    """
    if len(data) < 4:
        raise WireError(f"{len(data)} bytes are too short for a TFTP packet")
    opcode, number = _HEAD.unpack_from(data)
    match opcode:
        case Opcode.RRQ:
            return ReadRequest(*_parse_request(data))
        case Opcode.WRQ:
            return WriteRequest(*_parse_request(data))
        case Opcode.DATA:
            return Data(number, data[4:])
        case Opcode.ACK:
            # Bytes behind the number are let pass: nothing in them could change its meaning.
            return Ack(number)
        case Opcode.ERROR:
            # The NUL at the end is missing in the wild; nothing follows it, so nothing is lost.
            return Error(number, _printable(data[4:].partition(b"\0")[0]))
        case Opcode.OACK:
            return OptionAck(_parse_options(data, 2))
    raise WireError(f"{opcode} is not a TFTP operation", 0)


def serialize(packet: Packet) -> bytes:
    """Write one datagram.

    :raises WireError: a string holds a NUL or a character over U+00FF, or a number is out of range
    """
    match packet:
        case ReadRequest(name, mode, options):
            return _strings(Opcode.RRQ, (name, mode, *_flat(options)))
        case WriteRequest(name, mode, options):
            return _strings(Opcode.WRQ, (name, mode, *_flat(options)))
        case Data(block, payload):
            return _head(Opcode.DATA, block) + payload
        case Ack(block):
            return _head(Opcode.ACK, block)
        case Error(code, message):
            return _head(Opcode.ERROR, code) + _string(message)
        case OptionAck(options):
            return _strings(Opcode.OACK, _flat(options))


def error(code: ErrorCode, message: str) -> bytes:
    """An ERROR datagram with any text: what a datagram cannot carry is replaced or cut."""
    return _head(Opcode.ERROR, code) + _printable(message.encode("latin-1", "replace")).encode("latin-1") + b"\0"


def normalise_name(name: str) -> str:
    """The relative path that a client means, with ``/`` between its parts.

    Firmware puts DHCP leftovers behind names, iPXE and others a slash before them, and shim writes backslashes
    (shim#524, netboot.xyz#1198).

    :raises WireError: the name is empty, holds what cannot be printed, or tries to leave its directory
    """
    path = name.rstrip(_GARBAGE).replace("\\", "/").lstrip("/")
    if not path:
        raise WireError("the file name is empty")
    if len(path) > LONGEST_NAME:
        raise WireError(f"a file name of {len(path)} characters is too long")
    if not (path.isascii() and path.isprintable()):
        raise WireError("the file name holds characters that are not printable ASCII")
    if ".." in path.split("/"):
        raise WireError("the file name leads out of its directory")
    return path


def _parse_request(data: bytes) -> tuple[str, str, Options]:
    if len(data) > LONGEST_REQUEST:
        raise WireError(f"a request of {len(data)} bytes or more is too long", LONGEST_REQUEST)
    name, offset = _parse_string(data, 2, "file name")
    # A boot file name that was stored with its NUL arrives with two, so the mode seems to be empty.
    while offset < len(data) and data[offset] == 0:
        offset += 1
    mode, offset = _parse_string(data, offset, "mode")
    return name, mode, _parse_options(data, offset)


def _parse_options(data: bytes, offset: int) -> Options:
    """Name and value pairs up to the end; NULs that only fill the datagram are none."""
    end = len(data.rstrip(b"\0")) + 1
    options: list[tuple[str, str]] = []
    seen = set()
    while offset < end - 1:
        name, offset = _parse_string(data, offset, "option name")
        value, offset = _parse_string(data, offset, f"value of option {_printable(name.encode('latin-1'))!r}")
        if len(options) == _MOST_OPTIONS:
            raise WireError(f"more than {_MOST_OPTIONS} options", offset)
        # RFC 2347 section 2: an option may be given once only. The first counts.
        if name and name.lower() not in seen:
            seen.add(name.lower())
            options.append((name, value))
    return tuple(options)


def _parse_string(data: bytes, offset: int, what: str) -> tuple[str, int]:
    end = data.find(b"\0", offset)
    if end < 0:
        raise WireError(f"the {what} has no NUL at its end", offset)
    return data[offset:end].decode("latin-1"), end + 1


def _printable(text: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in text[:_LONGEST_MESSAGE])


def _head(opcode: Opcode, number: int) -> bytes:
    try:
        return _HEAD.pack(opcode, number)
    except struct.error as mistake:
        raise WireError(f"{number} does not fit into 16 bits") from mistake


def _flat(options: Options) -> Iterable[str]:
    return (text for pair in options for text in pair)


def _strings(opcode: Opcode, texts: Iterable[str]) -> bytes:
    return opcode.to_bytes(2, "big") + b"".join(map(_string, texts))


def _string(text: str) -> bytes:
    if "\0" in text:
        raise WireError("a string cannot hold a NUL")
    try:
        return text.encode("latin-1") + b"\0"
    except UnicodeEncodeError as mistake:
        raise WireError("a string holds characters over U+00FF") from mistake

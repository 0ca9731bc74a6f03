"""A TFTP client that reads one file, without a socket: datagrams in, datagrams out (RFC 1350, 2347 to 2349, 7440)."""

from __future__ import annotations

from collections.abc import Callable

from pixiecore_core.errors import WireError
from pixiecore_core.wire.tftp import (
    Ack,
    Data,
    Error,
    ErrorCode,
    OptionAck,
    Options,
    ReadRequest,
    error,
    parse,
    serialize,
)

_PLAIN_BLKSIZE = 512
_LARGEST_BLKSIZE = 65464


class Download:
    """Reads one file.

    :param options: of the request, in the client's order
    :param sink: takes the bytes in their order
    :param probe: only the size is wanted: break off once it is known
    """

    def __init__(self, name: str, options: Options, sink: Callable[[bytes], None], probe: bool = False) -> None:
        self._sink, self._probe = sink, probe
        self._last = serialize(ReadRequest(name, "octet", options))
        self._blksize, self._windowsize = _PLAIN_BLKSIZE, 1
        self._asked = dict(options)
        self._block = 0  # the last that came in order
        self._in_window = 0
        self._complained = False
        self.size: int | None = None
        """Bytes, as the server says; where the file was read, as many as came."""
        self.done = False
        self.problem = ""
        self.code: int | None = None
        """Of the server's error."""

    def again(self) -> bytes:
        """What to send at the start, and after a silence: what was sent last."""
        return self._last

    def receive(self, datagram: bytes) -> bytes | None:
        """What to answer, if anything."""
        try:
            packet = parse(datagram)
        except WireError as wrong:
            return self._fail(f"what came is not TFTP: {wrong}", ErrorCode.ILLEGAL_OPERATION)
        if isinstance(packet, Error):
            self.done, self.problem, self.code = True, packet.message or f"error {packet.code}", packet.code
            return None
        if self._probe and isinstance(packet, OptionAck | Data):
            self.size = _number(dict(packet.options).get("tsize")) if isinstance(packet, OptionAck) else None
            self.done = True
            return error(ErrorCode.OPTION_REFUSED, "User aborted the transfer")  # EDK2's words
        if isinstance(packet, OptionAck):
            return self._accept(packet)
        if isinstance(packet, Data):
            return self._take(packet)
        return self._fail("the server wants to read, not to send", ErrorCode.ILLEGAL_OPERATION)

    def _accept(self, granted: OptionAck) -> bytes | None:
        if self._block:
            return None  # said again
        for name, value in granted.options:
            number = _number(value)
            if name.lower() not in self._asked or number is None:
                return self._fail(f"the server grants {name}={value}, unasked or no number", ErrorCode.OPTION_REFUSED)
            match name.lower():
                case "blksize" if 8 <= number <= _LARGEST_BLKSIZE:
                    self._blksize = number
                case "windowsize" if 1 <= number <= 65535:
                    self._windowsize = number
                case "tsize":
                    self.size = number
        return self._acknowledge()

    def _take(self, data: Data) -> bytes | None:
        if data.block != (self._block + 1) & 0xFFFF:
            if self._complained:
                return None
            self._complained = True  # once: both sides would go on for ever (RFC 1123 section 4.2.3.1)
            return self._acknowledge()
        self._block += 1
        self._in_window += 1
        self._complained = False
        self._sink(data.payload)
        if len(data.payload) < self._blksize:
            self.done = True
            return self._acknowledge()
        return self._acknowledge() if self._in_window >= self._windowsize else None

    def _acknowledge(self) -> bytes:
        self._in_window = 0
        self._last = serialize(Ack(self._block & 0xFFFF))
        return self._last

    def _fail(self, problem: str, code: ErrorCode) -> bytes:
        self.done, self.problem = True, problem
        return error(code, problem)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else None

"""Picks, of one transfer's datagrams, those that tell how it went: the first, the last, options and errors.

On the way of every block, so it looks at lengths and at one byte. Keeps nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable

from pixiecore_core.wire.tftp import Opcode

OnDatagram = Callable[[bool, tuple[str, int], tuple[str, int], bytes], object]
"""``on_datagram(sent, ours, theirs, data)``: a datagram that tells something."""

_FIRST = 2
"""Of each side: an OACK and the first block, say."""
_DATA, _ERROR = int(Opcode.DATA), int(Opcode.ERROR)


class Notes:
    """Of one transfer.

    :param ours: address and port, and so *theirs*
    """

    __slots__ = ("_on_datagram", "_ours", "_received", "_sent", "_theirs", "full")

    def __init__(self, on_datagram: OnDatagram, ours: tuple[str, int], theirs: tuple[str, int]) -> None:
        self._on_datagram = on_datagram
        self._ours = ours
        self._theirs = theirs
        self._sent = self._received = _FIRST
        self.full = 0
        """Bytes of a datagram with a block that is not the last: below that, it is."""

    def sent(self, datagrams: list[bytes]) -> None:
        """These go out, in this order."""
        for datagram in datagrams if self._sent else datagrams[-1:]:
            if self._sent or len(datagram) < self.full or datagram[1] != _DATA:
                self._sent = max(0, self._sent - 1)
                self._on_datagram(True, self._ours, self._theirs, datagram)

    def received(self, data: bytes, last: bool) -> None:
        """This came in.

        :param last: whether the transfer is over with it
        """
        if self._received or last or data[1:2] == bytes([_ERROR]):
            self._received = max(0, self._received - 1)
            self._on_datagram(False, self._ours, self._theirs, data)

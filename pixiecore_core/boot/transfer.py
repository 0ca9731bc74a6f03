"""One TFTP transfer: the server's side of sending a file, as a state machine (RFC 1350, 2347, 7440).

The time is an argument, in seconds of any clock that never goes back, and what is to be sent is a return value. So no
socket and no clock is in here, and no state outside the object: a test plays a whole lossy network in microseconds.
Until its first answer a client may be a forged address, so it gets next to nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import StrEnum

from pixiecore_core.boot.tftp_negotiation import Agreement
from pixiecore_core.errors import WireError
from pixiecore_core.wire.tftp import Error, ErrorCode, Opcode, OptionAck, error, parse, serialize

ReadAt = Callable[[int, int], bytes | memoryview | None]
"""``read_at(offset, length)``: exactly that many bytes of the file, or ``None`` while they are on their way."""

FIRST_TIMEOUT = 1.25
"""Seconds before the first retransmission, until the round trip has been measured. More than one, the commonest timer
of clients: where the acknowledgement of our OACK is lost, the client repeats it before we repeat the OACK, at which
atftp would abort."""
SHORTEST_TIMEOUT = 0.1
"""Seconds. However near the client, firmware may pause to write to its disk."""
LONGEST_TIMEOUT = 8.0
"""Seconds. Where doubling ends."""
PATIENCE = 25.0
"""Seconds without progress until the client counts as gone, or four timeouts where those are longer."""
_MOST_PATIENCE = 300.0  # seconds, for a client that asked for a timeout of minutes
UNANSWERED_PATIENCE = 13.0
"""Seconds, whatever timeout was asked for, until a client that has acknowledged nothing is forgotten. Clients whose
first acknowledgement was lost repeat that, not the request, tftp-hpa and U-Boot after 5 s, curl after 6 s: two of these
may be lost."""
_UNANSWERED_REPEATS = 2  # of our OACK: a forged request must not be worth more

SHORTEST_WAIT = 0.5
"""Seconds. An acknowledgement that is repeated sooner after what it waits for was sent is a copy; later, the client has
waited in vain."""

_PROMPT = SHORTEST_TIMEOUT / 4
"""Seconds. A quicker answer leaves the timeout where it is."""
_HEAD = struct.Struct(">HH").pack
_DATA, _ACK = int(Opcode.DATA), int(Opcode.ACK)


class Outcome(StrEnum):
    """How a transfer ended."""

    SENT = "sent"
    """The client has acknowledged the last block."""
    PROBED = "probed"
    """The client only wanted to know the size, and said so with an ERROR to our OACK, as EDK2 and Intel's ROMs do."""
    ABORTED = "aborted"
    """The client sent an ERROR."""
    TIMED_OUT = "timed out"
    """The client fell silent."""
    FAILED = "failed"
    """We could not go on."""
    REFUSED = "refused"
    """It never began."""
    DISPLACED = "displaced"
    """Its client had acknowledged nothing, or nothing for long, and others needed the place."""


class Transfer:
    """Sends one file to one client.

    Its methods return the datagrams to send, in order. When there are several, all but the last have the same length.

    :param size: of the file, in bytes
    :param read_at: gives the file's bytes
    :param agreement: the options granted
    :param now: seconds
    """

    __slots__ = (
        "_acked",
        "_awaited",
        "_blksize",
        "_due",
        "_furthest",
        "_last",
        "_lock_step",
        "_options",
        "_read_at",
        "_repeated",
        "_repeated_at",
        "_round_trip",
        "_sent",
        "_size",
        "_steady",
        "_timeout",
        "_tries",
        "_windowsize",
        "agreement",
        "outcome",
        "progress_at",
        "reason",
        "starved",
    )

    def __init__(self, size: int, read_at: ReadAt, agreement: Agreement, now: float) -> None:
        self.agreement = agreement
        self.outcome: Outcome | None = None
        """How it ended; ``None`` while it goes on."""
        self.reason = ""
        """Why it ended, unless the file was sent."""
        self.progress_at = now
        """When the client last acknowledged something new, or we could at last send what had not been read yet."""
        self.starved = False
        """Whether bytes were not there yet; call :meth:`resume` when they are."""
        self._size = size
        self._read_at = read_at
        self._blksize = agreement.blksize
        self._windowsize = agreement.windowsize
        self._lock_step = agreement.windowsize == 1
        self._options = serialize(OptionAck(agreement.accepted)) if agreement.accepted else b""
        # Blocks are counted without the wrap at 65536. The OACK is block 0; where there is none, it is acknowledged.
        self._last = size // agreement.blksize + 1
        self._acked = -1 if self._options else 0
        self._sent = 0
        self._furthest = 0  # the last block that was sent before the first one that is sent again
        self._awaited: bytes | None = None  # what acknowledges the last block sent, if nothing needs a closer look then
        self._steady = False  # nothing has been sent twice since the last progress, and the timeout needs no fitting
        self._tries = 0
        self._repeated = False
        self._repeated_at = now
        self._timeout = float(agreement.timeout or FIRST_TIMEOUT)
        self._round_trip = 0.0
        self._due = 0.0

    @property
    def deadline(self) -> float | None:
        """When to call :meth:`expire`; ``None`` once ended."""
        if self.outcome is not None:
            return None
        if self._tries:
            return self._due
        return self.progress_at + (min(self._timeout, self._patience) if self._repeats else self._patience)

    @property
    def bytes_acknowledged(self) -> int:
        """How much of the file has arrived at the client."""
        return min(max(self._acked, 0) * self._blksize, self._size)

    @property
    def answered(self) -> bool:
        """Whether the client has acknowledged anything."""
        return self._acked > (-1 if self._options else 0)

    def start(self, now: float) -> list[bytes]:
        """The answer to the request: the OACK, or the first blocks."""
        self.progress_at = now
        return [self._options] if self._options else self._fill()

    def receive(self, data: bytes, now: float) -> list[bytes]:
        """Take a datagram from the client.

        An acknowledgement of nothing new, a block number that was never sent, and what is not TFTP are passed over
        without an answer: each would only double the traffic (RFC 1123 section 4.2.3.1, the Sorcerer's Apprentice).
        But where nothing has been sent for longer than a round trip, an acknowledgement that is repeated is a client
        whose patience has ended before ours, and some give up after a few such: it gets the window again.
        """
        # Nearly every datagram is the one that is waited for, and soon: a shorter way for it.
        if data == self._awaited and now - self.progress_at < _PROMPT:
            self._acked = block = self._sent
            self.progress_at = now
            if self._lock_step and block + 1 < self._last:
                payload = self._read_at(block * self._blksize, self._blksize)
                if payload is not None:
                    self._sent = block = block + 1
                    self._awaited = _HEAD(_ACK, block & 0xFFFF)
                    return [_HEAD(_DATA, block & 0xFFFF) + payload]
            return self._fill()
        if data[:2] != b"\0\4" or len(data) < 4:
            return self._receive_other(data)
        advance = (data[2] << 8 | data[3]) - self._acked & 0xFFFF
        if self.outcome is not None:
            return []
        if advance == 0 and self._acked >= 0:
            return self.repeat(now) if now - max(self.progress_at, self._repeated_at) >= self._wait else []
        if not 0 < advance <= self._sent - self._acked:
            return []
        self._acked += advance
        if self._acked == self._last:
            self._end(Outcome.SENT)
            return []
        if self._acked == self._sent and self.agreement.timeout is None:
            self._adapt(now - self.progress_at)
        self.progress_at = now
        self._tries = 0
        self._repeated = False
        self._steady = self.agreement.timeout is not None or self._timeout == SHORTEST_TIMEOUT
        # RFC 7440 section 4: the window begins after the acknowledged block, whatever had been sent further on. But
        # the end of what is sent again may be what a client has got by then, that acknowledges each copy, as EDK2 does;
        # what follows is on its way, and sent twice would have it acknowledge copies for good.
        if self._acked != self._furthest:
            self._go_back()
        return self._fill()

    def expire(self, now: float) -> list[bytes]:
        """Send again what was not acknowledged by :attr:`deadline`, or give up."""
        if self.deadline is None or now < self.deadline:
            return []
        if now - self.progress_at >= self._patience:
            told = [error(ErrorCode.NOT_DEFINED, "timeout")] if self.answered else []
            waited_for = "the option acknowledgement" if self._acked < 0 else f"block {self._acked + 1} of {self._last}"
            what = "its bytes could not be read in time" if self.starved else "the client did not acknowledge it"
            self._end(Outcome.TIMED_OUT, f"{waited_for}: {what}")
            return told
        return self.repeat(now)

    def repeat(self, now: float) -> list[bytes]:
        """What is not acknowledged yet, once more; also for a request that came again since our answer was lost."""
        if self.outcome is not None:
            return []
        self._tries += 1
        delay = min(self._timeout * 2**self._tries, max(LONGEST_TIMEOUT, self._timeout))
        end = max(self.progress_at + self._patience, now + SHORTEST_TIMEOUT)
        self._due = min(now + delay, end) if self._repeats else end
        self._repeated_at = now
        # RFC 6298 section 3: an answer could be to either copy, so it measures nothing.
        self._repeated = True
        self._steady = False
        if self._acked < 0:
            return [self._options]
        self._go_back()
        return self._fill()

    def resume(self, now: float) -> list[bytes]:
        """Go on after :attr:`starved`: the bytes that were missing have come."""
        if not self.starved or self.outcome is not None:
            return []
        if self._sent >= self._furthest:
            # It was we who were late. What the client has already had does not excuse its silence.
            self.progress_at = now
            self._tries = 0
        return self._fill()

    def fail(self, message: str) -> list[bytes]:
        """End it for a reason of our own; *message* goes to the client too."""
        if self.outcome is not None:
            return []
        self._end(Outcome.FAILED, message)
        return [error(ErrorCode.NOT_DEFINED, message)]

    def abandon(self, reason: str, outcome: Outcome = Outcome.ABORTED) -> None:
        """End it without telling the client."""
        if self.outcome is None:
            self._end(outcome, reason)

    @property
    def _repeats(self) -> bool:
        """Whether our timer sends anything again: a first block, seven times as long as what asked for it, goes out
        once for each request, an OACK three times."""
        return self.answered or (bool(self._options) and self._tries < _UNANSWERED_REPEATS)

    @property
    def _patience(self) -> float:
        if not self.answered:
            return UNANSWERED_PATIENCE
        return min(max(PATIENCE, 4.0 * self._timeout), _MOST_PATIENCE)

    @property
    def _wait(self) -> float:
        """Seconds after which a repeated acknowledgement does not answer what was sent, but asks for it again.

        It must be more than a round trip: half of a timeout that was measured is two. A client that named its timeout
        asks at that pace, give or take what the network adds.
        """
        return max(SHORTEST_WAIT, self._timeout * (0.5 if self.agreement.timeout is None else 0.9))

    def _go_back(self) -> None:
        self._furthest = max(self._furthest, self._sent)
        self._sent = self._acked

    def _fill(self) -> list[bytes]:
        """The blocks from after the last one sent to the end of the window, as far as they can be read now."""
        block, last, blksize, read_at = self._sent, self._last, self._blksize, self._read_at
        end = min(self._acked + self._windowsize, last)
        datagrams = []
        while block < end:
            offset = block * blksize
            length = blksize if block + 1 < last else self._size - offset
            payload = read_at(offset, length) if length else b""
            if payload is None:
                break
            block += 1
            datagrams.append(_HEAD(_DATA, block & 0xFFFF) + payload)
        self._sent = block
        self.starved = block < end
        self._awaited = _HEAD(_ACK, block & 0xFFFF) if self._steady and block < last and block == end else None
        return datagrams

    def _adapt(self, round_trip: float) -> None:
        """Fit the timeout to the network, as RFC 6298 but simpler: a late copy of a block does no harm."""
        if self._repeated:
            # What came again has waited too long or was lost; until a round trip tells which, wait longer.
            self._timeout = min(self._timeout * 2, LONGEST_TIMEOUT)
            return
        # Half, because what was measured before may hold a client's own wait, where its acknowledgement was lost.
        self._round_trip = max(round_trip, (self._round_trip + round_trip) / 2)
        self._timeout = min(max(4 * self._round_trip, SHORTEST_TIMEOUT), LONGEST_TIMEOUT)

    def _receive_other(self, data: bytes) -> list[bytes]:
        try:
            packet = parse(data)
        except WireError:
            return []
        if not isinstance(packet, Error) or self.outcome is not None:
            return []
        message = f"the client said: {packet.message or 'nothing'} (code {packet.code})"
        answers_options = self._acked < 0
        if answers_options and (packet.code == ErrorCode.OPTION_REFUSED or self.agreement.tells_size):
            self._end(Outcome.PROBED, message)
        else:
            self._end(Outcome.ABORTED, message)
        return []

    def _end(self, outcome: Outcome, reason: str = "") -> None:
        self.outcome = outcome
        self.reason = reason
        self._awaited = None

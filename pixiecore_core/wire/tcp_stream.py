"""One direction of a TCP connection in a capture: the bytes in order, once, and how many are missing between them.

Takes segments as they were seen: twice, late, in the wrong order, or never. Bounded; knows nothing of what is said.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_WAITING_SEGMENTS, _WAITING_BYTES = 256, 1 << 20
"""That wait for what goes before them. With more, what is missing was never captured, or is lost."""
_HALF = 1 << 31
_SPAN = 1 << 32


@dataclass(frozen=True, slots=True)
class Piece:
    """What comes next: bytes, or a gap."""

    at: int
    """Nanoseconds: when the segment was seen that it is from, or that shows the gap."""
    data: bytes = b""
    gap: int = 0
    """Bytes that are missing."""


@dataclass(slots=True)
class Stream:
    """Put together."""

    _next: int | None = None
    _waiting: dict[int, tuple[int, bytes, int]] = field(default_factory=dict)
    """By sequence number: when, bytes, and how many of its end are missing."""
    _bytes: int = 0
    _began: int | None = None

    def begin(self, sequence: int) -> None:
        """A SYN: the first byte has the number after it. The same one again changes nothing."""
        if self._began != sequence:
            self._began, self._next, self._waiting, self._bytes = sequence, (sequence + 1) % _SPAN, {}, 0

    def began_with(self, sequence: int) -> bool:
        """Whether its SYN had this number."""
        return self._began == sequence

    def take(self, at: int, sequence: int, data: bytes, missing: int = 0) -> list[Piece]:
        """The pieces that are in order now.

        :param sequence: number of the first byte of *data*
        :param missing: bytes behind it that were not captured
        """
        if self._next is None:
            self._next = sequence  # the capture began later than the connection
        if not data and not missing:
            return []
        known = self._waiting.get(sequence)
        if known is None or len(known[1]) + known[2] < len(data) + missing:
            self._bytes += len(data) - (len(known[1]) if known else 0)
            self._waiting[sequence] = at, data, missing
        pieces = self._ordered()
        while len(self._waiting) > _WAITING_SEGMENTS or self._bytes > _WAITING_BYTES:
            pieces += self._jump()
        return pieces

    def finish(self) -> list[Piece]:
        """What waits still; nothing more will come."""
        pieces = []
        while self._waiting:
            pieces += self._jump()
        return pieces

    def _ordered(self) -> list[Piece]:
        """What begins where the last piece ended, or before."""
        assert self._next is not None
        pieces = []
        while self._waiting:
            sequence = min(self._waiting, key=self._distance)
            ahead = self._distance(sequence)
            if ahead > 0:
                break
            at, data, missing = self._waiting.pop(sequence)
            self._bytes -= len(data)
            end = ahead + len(data) + missing
            if end > 0:
                fresh = data[-ahead:]
                pieces += [Piece(at, fresh)] if fresh else []
                gap = end - len(fresh)
                pieces += [Piece(at, gap=gap)] if gap else []
                self._next = (self._next + end) % _SPAN
        return pieces

    def _jump(self) -> list[Piece]:
        """Go on behind the next gap."""
        sequence = min(self._waiting, key=self._distance)
        gap = self._distance(sequence)
        self._next = sequence
        return [Piece(self._waiting[sequence][0], gap=gap), *self._ordered()]

    def _distance(self, sequence: int) -> int:
        """From where we are; negative for what was before."""
        assert self._next is not None
        return (sequence - self._next + _HALF) % _SPAN - _HALF

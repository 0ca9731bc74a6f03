"""A byte source that is made of others, one behind the other: what is between them is in memory, they are not.

Pure: reads through the sources that it is given, and closes them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from pixiecore_core.models import BootFile


class Joined:
    """Bytes and files, one behind the other.

    :param pieces: in their order; the files are this source's to close
    """

    def __init__(self, pieces: Sequence[bytes | BootFile]) -> None:
        self._pieces = [piece for piece in pieces if _size(piece)]
        self._files = [piece for piece in pieces if isinstance(piece, BootFile)]
        self._starts = [0, *accumulate(map(_size, self._pieces))]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self._starts[-1]

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to *length* bytes from *offset*, of one piece; none only at the end.

        :raises BootFileError: a piece cannot be read
        """
        number = bisect_right(self._starts, offset) - 1
        if offset < 0 or number >= len(self._pieces) or length <= 0:
            return b""
        inside, piece = offset - self._starts[number], self._pieces[number]
        if isinstance(piece, BootFile):
            return piece.source.read_at(inside, min(length, piece.size - inside))
        return piece[inside : inside + length]

    def close(self) -> None:
        """Close every file."""
        for file in self._files:
            file.source.close()


def _size(piece: bytes | BootFile) -> int:
    return piece.size if isinstance(piece, BootFile) else len(piece)

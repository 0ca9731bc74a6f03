"""Several initial RAM disks in one file: what is between them, for the kernel to read one after the other. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

_ALIGNMENT = 4
"""Archives that follow one another each begin at such a multiple (the kernel's buffer-format.rst)."""


class _Sized(Protocol):
    @property
    def size(self) -> int:
        """Bytes."""


S = TypeVar("S", bound=_Sized)


def one_after_the_other(initrds: Iterable[S]) -> list[bytes | S]:
    """The initrds, with the zeros before each, which may be none."""
    pieces: list[bytes | S] = []
    size = 0
    for initrd in initrds:
        pieces += [bytes(-size % _ALIGNMENT), initrd]
        size += -size % _ALIGNMENT + initrd.size
    return pieces

"""Changes valid inputs a little: finds more than noise does, and needs nothing but chance."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

_EXTREMES = (0, 1, 0x20, 0x7F, 0x80, 0xFF)


def mutated(random: Random, seeds: Sequence[bytes], words: Sequence[bytes] = ()) -> bytes:
    """One of *seeds*, changed in a few places; now and then two of them, or one as it is."""
    data = bytearray(random.choice(seeds))
    for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 5, 8))):
        at = random.randint(0, len(data))
        match random.randrange(8):
            case 0 if at < len(data):
                data[at] ^= 1 << random.randrange(8)
            case 1 if at < len(data):
                data[at] = random.choice(_EXTREMES)
            case 2:
                del data[at : at + random.choice((1, 2, 4, 40))]
            case 3:
                data[at:at] = random.randbytes(random.choice((1, 2, 4, 40)))
            case 4 if words:
                data[at:at] = random.choice(words)
            case 5:
                data[at:at] = data[at : at + 20] * random.choice((1, 2, 50))
            case 6:
                other = random.choice(seeds)
                data[at:] = other[random.randint(0, len(other)) :]
            case _:
                del data[at:]
    return bytes(data)

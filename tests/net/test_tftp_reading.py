"""Reading ahead of a transfer: every byte as it is in the file, and at once where it was read a window ago."""

from __future__ import annotations

import random

import gevent
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixiecore_core.errors import BootFileError
from pixiecore_core.net.tftp_reading import ReadAhead, TftpFile

STRETCH = 128 << 10


class Disk:
    """A file whose reads are counted, and may be slow or fail."""

    def __init__(self, size: int) -> None:
        self.content = random.Random(size).randbytes(size)
        self.reads: list[int] = []
        self.arrivals = 0
        self.failures: list[str] = []
        self.broken = False

    def read_at(self, offset: int, length: int) -> bytes:
        self.reads.append(offset)
        gevent.sleep(0)
        if self.broken:
            raise BootFileError("the disk is on fire")
        return self.content[offset : offset + length]

    def ahead(self, blksize: int, window: int) -> ReadAhead:
        file = TftpFile(len(self.content), self.read_at, lambda: None)
        return ReadAhead(file, blksize, blksize * window, self._arrived, self.failures.append)

    def _arrived(self) -> None:
        self.arrivals += 1

    def take(self, ahead: ReadAhead, block: int, blksize: int) -> bytes:
        """A block, waited for."""
        length = min(blksize, len(self.content) - block * blksize)
        while (part := ahead.read_at(block * blksize, length)) is None:
            gevent.sleep(0)
        return bytes(part)


@pytest.mark.parametrize(("blksize", "window"), [(1428, 1), (1428, 16), (512, 64), (8192, 16), (65464, 8)])
def test_a_window_can_be_read_again_at_once_wherever_it_lies(blksize: int, window: int) -> None:
    """Also across the border of two stretches: bytes thrown away there made a repeated window come in drops."""
    disk = Disk(5 * max(STRETCH, blksize * window) + 77)
    ahead = disk.ahead(blksize, window)
    for block in range(-(-len(disk.content) // blksize)):
        disk.take(ahead, block, blksize)
        for again in range(max(block - window + 1, 0), block + 1):
            part = ahead.read_at(again * blksize, min(blksize, len(disk.content) - again * blksize))
            assert part is not None, f"block {again} after block {block}"
            assert bytes(part) == disk.content[again * blksize :][:blksize]
    ahead.close()
    assert disk.reads == sorted(set(disk.reads)), "nothing is read twice"


def test_the_first_block_can_be_read_alone() -> None:
    disk = Disk(STRETCH + 100)
    ahead = disk.ahead(512, 1)
    ahead.read_first_block()
    assert ahead.read_at(0, 512) == disk.content[:512]
    assert disk.reads == [0]
    assert disk.take(ahead, 1, 512) == disk.content[512:1024]
    assert ahead.read_at(0, 512) == disk.content[:512]
    ahead.close()


def test_no_more_than_needed_is_kept() -> None:
    disk = Disk(20 * STRETCH)
    ahead = disk.ahead(1024, 8)
    most = 0
    for block in range(20 * STRETCH // 1024):
        disk.take(ahead, block, 1024)
        gevent.sleep(0)
        gevent.sleep(0)
        kept = ahead._stretches
        most = max(most, len(kept))
        if block % 128 >= 8:
            assert len(kept) <= 2
    assert most == 3
    ahead.close()


@settings(max_examples=60, deadline=None)
@given(
    blksize=st.sampled_from([512, 1428, 8192]),
    window=st.sampled_from([1, 16, 64]),
    size=st.integers(0, 6 * STRETCH),
    jumps=st.lists(st.integers(0, 10_000), max_size=40),
)
def test_every_block_is_as_in_the_file_in_any_order(blksize: int, window: int, size: int, jumps: list[int]) -> None:
    disk = Disk(size)
    ahead = disk.ahead(blksize, window)
    for jump in jumps if size else []:
        block = jump % -(-size // blksize)
        assert disk.take(ahead, block, blksize) == disk.content[block * blksize :][:blksize]
        assert len(ahead._stretches) <= 4
    ahead.close()


def test_a_failing_read_is_told_and_close_ends_it() -> None:
    disk = Disk(5 * STRETCH)
    ahead = disk.ahead(1024, 1)
    disk.broken = True
    assert ahead.read_at(3 * STRETCH, 1024) is None
    while not disk.failures:
        gevent.sleep(0)
    assert disk.failures[0] == "the disk is on fire"
    ahead.close()

"""Files and bytes as one file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.engine.joining import Joined
from pixiecore_core.models import BootFile


class Source:
    """A byte source that notes that it was closed."""

    def __init__(self, data: bytes) -> None:
        self.data, self.closed = data, 0

    def read_at(self, offset: int, length: int) -> bytes:
        assert length > 0
        return self.data[offset : offset + min(length, 7)]  # fewer than asked for, as any may give

    def close(self) -> None:
        self.closed += 1


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=30)), max_size=6), st.integers(0, 200), st.integers(1, 50))
def test_any_part_is_what_it_would_be_of_the_whole(parts: list[tuple[bool, bytes]], offset: int, length: int) -> None:
    sources = [Source(data) for is_file, data in parts if is_file]
    files = iter(sources)
    pieces = [BootFile(name="x", size=len(data), source=next(files)) if is_file else data for is_file, data in parts]
    whole = b"".join(data for _, data in parts)
    joined = Joined(pieces)
    assert joined.size == len(whole)
    read = b""
    while len(read) < length and (more := joined.read_at(offset + len(read), length - len(read))):
        read += more
    assert read == whole[offset : offset + length]
    joined.close()
    assert all(source.closed == 1 for source in sources)

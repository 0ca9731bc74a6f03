"""Local files: read right, and never mixed when they change under our hands."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.errors import BootFileError, BootFileNotFound
from pixiecore_core.files.local import open_local

DATA = os.urandom(300_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "vmlinuz"
    file.write_bytes(DATA)
    return file


def read(path: Path, chunk: int = 100_000) -> bytes:
    file = open_local(str(path))
    try:
        return b"".join(bytes(file.source.read_at(offset, chunk)) for offset in range(0, file.size, chunk))
    finally:
        file.source.close()


def test_it_is_read_whole(path: Path) -> None:
    assert read(path) == DATA
    assert open_local(str(path)).name == "vmlinuz"


@given(offset=st.integers(0, len(DATA) + 10), length=st.integers(0, len(DATA) + 10))
def test_any_part_can_be_read(tmp_path_factory: pytest.TempPathFactory, offset: int, length: int) -> None:
    path = tmp_path_factory.getbasetemp() / "part"
    if not path.exists():
        path.write_bytes(DATA)
    file = open_local(str(path))
    assert bytes(file.source.read_at(offset, length)) == DATA[offset : offset + length]
    file.source.close()


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(BootFileNotFound, match="does not exist"):
        open_local(str(tmp_path / "nope"))
    with pytest.raises(BootFileNotFound, match="does not exist"):
        open_local("/dev/null/x")
    with pytest.raises(BootFileNotFound, match="is a folder, not a file"):
        open_local(str(tmp_path))


def test_a_named_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BootFileError, match="not a regular file"):
        open_local(str(tmp_path / "pipe"))


def test_a_file_that_is_deleted_meanwhile_is_still_whole(path: Path) -> None:
    file = open_local(str(path))
    path.unlink()
    assert bytes(file.source.read_at(0, file.size)) == DATA
    file.source.close()


def test_a_file_that_is_replaced_meanwhile_keeps_its_old_bytes(path: Path, tmp_path: Path) -> None:
    file = open_local(str(path))
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "new").rename(path)
    assert bytes(file.source.read_at(0, file.size)) == DATA
    file.source.close()


def test_a_file_that_is_shortened_meanwhile_is_an_error(path: Path) -> None:
    file = open_local(str(path))
    file.source.read_at(0, 1000)
    os.truncate(path, 2000)
    with pytest.raises(BootFileError, match="changed while it was being sent"):
        file.source.read_at(1000, 100_000)
    file.source.close()


def test_a_file_that_is_rewritten_meanwhile_never_ends_well(path: Path) -> None:
    file = open_local(str(path))
    file.source.read_at(0, 100_000)
    with path.open("r+b") as other:
        other.seek(150_000)
        other.write(b"other bytes")
    os.utime(path, ns=(1, 1))
    with pytest.raises(BootFileError, match="changed"):
        file.source.read_at(100_000, 200_000)
    file.source.close()


def test_a_part_of_a_file_that_is_rewritten_meanwhile_never_ends_well(path: Path) -> None:
    file = open_local(str(path))
    assert file.source.read_at(0, 1000) == DATA[:1000]
    with path.open("r+b") as other:
        other.write(b"other bytes")
    os.utime(path, ns=(1, 1))
    with pytest.raises(BootFileError, match="changed"):
        file.source.read_at(1000, 1000)
    file.source.close()


def test_a_pinned_file_must_have_the_right_bytes(path: Path) -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    for _ in range(2):
        file = open_local(str(path), sha256=digest)
        assert file.source.read_at(0, 10) == DATA[:10]
        file.source.close()
    with pytest.raises(BootFileError, match=f"has sha256 {digest}, not 00"):
        open_local(str(path), sha256="00" * 32)
    path.write_bytes(b"other")
    with pytest.raises(BootFileError, match="has sha256"):
        open_local(str(path), sha256=digest)


def test_a_file_outside_of_its_root_is_not_opened(path: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "inside").write_bytes(b"inside")
    (root / "link").symlink_to(path)
    (root / "good link").symlink_to("inside")
    (tmp_path / "root of another").mkdir()
    (tmp_path / "root of another" / "file").write_bytes(b"x")
    for name in ("inside", "good link"):
        open_local(str(root / name), str(root)).source.close()
    for outside in (path, root / "link", root / ".." / "vmlinuz", tmp_path / "root of another" / "file"):
        with pytest.raises(BootFileNotFound, match="is not below"):
            open_local(str(outside), str(root))


def test_the_tag_changes_with_the_bytes(path: Path) -> None:
    before = open_local(str(path)).etag
    path.write_bytes(b"other")
    assert open_local(str(path)).etag != before

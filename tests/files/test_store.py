"""The cache on disk: whole or not there, within its bytes, and shared with other processes."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pixiecore_core.files import store as store_module
from pixiecore_core.files.freshness import Validators
from pixiecore_core.files.store import Entry, Store

URL = "http://host/vmlinuz"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "cache", limit=1000)
    store.prepare()
    return store


def put(
    store: Store, url: str = URL, data: bytes = b"x" * 300, used: float | None = None, asked: float | None = None
) -> Entry:
    part = store.begin(len(data))
    part.write(data[:100])
    part.write(data[100:])
    entry = store.commit(part, url, Validators(etag='"1"'), time.time() if asked is None else asked, 0.0)
    os.close(part.descriptor)
    if used is not None:
        os.utime(store.folder / "entries" / f"{hashlib.sha256(url.encode()).hexdigest()}.json", (used, used))
    return entry


def content(store: Store, entry: Entry) -> bytes:
    with os.fdopen(store.open(entry), "rb") as file:
        return file.read()


def files(store: Store) -> list[str]:
    return sorted(str(path.relative_to(store.folder)).split("/")[0] for path in store.folder.rglob("*/*"))


def test_what_was_committed_is_found(store: Store) -> None:
    entry = put(store, data=b"kernel" * 50)
    assert store.find(URL) == entry
    assert content(store, entry) == b"kernel" * 50
    assert entry.sha256 == hashlib.sha256(b"kernel" * 50).hexdigest()
    assert store.find("http://host/other") is None
    assert store.is_sound(entry)


def test_a_version_that_took_long_does_not_replace_a_later_one(store: Store) -> None:
    now = time.time()
    later = put(store, data=b"later" * 60, asked=now)
    assert put(store, data=b"former" * 50, asked=now - 1) == store.find(URL) == later
    assert content(store, later) == b"later" * 60


@pytest.mark.parametrize("lost", ["the clock was wrong", "its bytes are gone"])
def test_a_later_version_that_is_none_is_replaced(store: Store, lost: str) -> None:
    wrong = put(store, asked=time.time() + (3600 if lost == "the clock was wrong" else 0))
    if lost == "its bytes are gone":
        (store.folder / "bodies" / wrong.body).unlink()
    entry = put(store, data=b"new" * 100, asked=wrong.confirmed - 1)
    assert store.find(URL) == entry != wrong


def test_it_belongs_to_its_user_alone(store: Store) -> None:
    put(store)
    assert all(not path.stat().st_mode & 0o077 for path in (store.folder, *store.folder.glob("bodies/*")))


def test_a_new_version_replaces_the_old_one(store: Store) -> None:
    old = put(store, data=b"old")
    reading = store.open(old)
    new = put(store, data=b"newer")
    assert store.find(URL) == new
    assert files(store) == ["bodies", "entries"]
    assert os.pread(reading, 10, 0) == b"old", "who reads the old one keeps it"
    os.close(reading)
    with pytest.raises(FileNotFoundError):
        store.open(old)


def test_the_ones_unused_longest_make_room(store: Store) -> None:
    for number in range(3):
        put(store, f"{URL}{number}", used=number + 1.0)
    os.close(store.open(store.find(f"{URL}0")))  # type: ignore[arg-type] - used now
    put(store, f"{URL}new")
    assert [entry.url[-1] for entry, _ in store.entries()] == ["2", "0", "w"]


def test_what_is_larger_than_the_cache_has_no_place(store: Store) -> None:
    put(store)
    with pytest.raises(OSError, match="larger than the cache"):
        store.begin(1001)
    assert store.find(URL) is not None


def test_a_disk_without_room_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        f_bavail, f_frsize = 1, 100

    monkeypatch.setattr(os, "statvfs", lambda path: Full)
    with pytest.raises(OSError, match="the disk has no room for it") as caught:
        store.begin(200)
    assert caught.value.errno == errno.EFBIG


def test_a_claimed_length_costs_no_other_file_its_place(store: Store) -> None:
    entries = [put(store, f"{URL}{number}", used=number + 1.0) for number in range(3)]
    part = store.begin(1000)
    assert len(store.entries()) == 3
    part.write(b"y" * 1000)
    assert store.entries() == []
    os.close(part.descriptor)
    store.end(part)
    assert len(entries) == 3


def test_a_disk_smaller_than_the_cache_makes_room_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store)
    part = store.begin(100)
    pwrite, full = os.pwrite, [True]

    def write(*arguments: Any) -> int:
        if full.pop():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        full.append(False)
        return pwrite(*arguments)

    monkeypatch.setattr(os, "pwrite", lambda *arguments: write(*arguments) if full else pwrite(*arguments))
    part.write(b"y" * 100)
    assert part.size == 100
    assert store.entries() == []
    os.close(part.descriptor)
    store.end(part)


def test_other_peoples_files_are_left_alone(tmp_path: Path) -> None:
    for name in ("parts", "bodies"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.txt").write_text("years of work")
        (tmp_path / name / ("0" * 32)).write_text("looks like one of ours")
    store = Store(tmp_path, 1000)
    assert not store.open_existing()
    store.prepare()
    assert len(list(tmp_path.rglob("*/*"))) == 4, "a folder that was no cache before is swept of nothing"
    store.prepare()
    assert sorted(path.name for path in tmp_path.rglob("*/*")) == ["thesis.txt", "thesis.txt"]


def test_a_lock_that_is_never_given_back_holds_up_nobody(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_LOCK_SECONDS", 0.05)
    with (store.folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="another process holds the cache's lock"):
            put(store)


def test_a_clock_that_was_wrong_makes_nothing_last(store: Store) -> None:
    entry = put(store).model_copy(update={"confirmed": 1000.0, "fresh_until": 1060.0})
    assert entry.is_fresh(1010.0)
    assert not entry.is_fresh(1061.0)
    assert not entry.is_fresh(500.0)


def test_damage_is_seen(store: Store) -> None:
    entry = put(store)
    body = store.folder / "bodies" / entry.body
    written = body.stat().st_mtime_ns
    body.write_bytes(b"y" * entry.size)
    assert not store.is_sound(entry)
    assert store.find(URL) is None, "another time of change is seen without reading it"
    os.utime(body, ns=(written, written))
    assert store.find(URL) == entry
    body.write_bytes(b"short")
    assert store.find(URL) is None


def test_an_entry_that_is_no_json_is_none(store: Store) -> None:
    put(store)
    for path in store.folder.glob("entries/*"):
        path.write_bytes(b"{\0")
    assert store.find(URL) is None
    assert store.entries() == []
    store.prepare()
    assert files(store) == ["entries"], "and its bytes are swept up"


def test_pruning_by_age_and_size(store: Store) -> None:
    for number in range(3):
        put(store, f"{URL}{number}", used=1000.0 * (number + 1))
    assert [entry.url[-1] for entry in store.shrink_to(1000, unused_since=1500.0)] == ["0"]
    assert [entry.url[-1] for entry in store.shrink_to(300)] == ["1"]
    assert [entry.url[-1] for entry in store.shrink_to(0)] == ["2"]
    assert files(store) == []


def test_removing_spares_a_replacement(store: Store) -> None:
    old = put(store, data=b"old")
    new = put(store, data=b"new")
    store.remove(old)
    assert store.find(URL) == new


def test_confirming_spares_a_replacement(store: Store) -> None:
    old = put(store, data=b"old")
    new = put(store, data=b"new")
    store.refresh(old, 99.0)
    assert store.find(URL) == new
    assert store.refresh(new, 99.0).fresh_until == 99.0
    assert store.find(URL) != new


_KILLED = """
import os, sys
from pathlib import Path
from pixiecore_core.files.store import Store
store = Store(Path(sys.argv[1]), 1000)
store.prepare()
part = store.begin(500)
part.write(b"half" * 10)
print("writing", flush=True)
sys.stdin.read()
"""


def test_what_a_killed_process_left_is_swept_up_and_what_a_living_one_writes_is_not(store: Store) -> None:
    argv = [sys.executable, "-c", _KILLED, str(store.folder)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        process.stdout.readline()
        store.prepare()
        assert files(store) == ["parts"]
        process.kill()
        process.wait()
    store.prepare()
    assert files(store) == []


def test_a_folder_that_cannot_be_written_to_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Not a directory"):
        Store(tmp_path / "file" / "cache", 1000).prepare()

"""The cache against an upstream with every fault: never a short or mixed file, and no more fetched than must be."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from pixiecore_core.errors import BootFileError, BootFileNotFound, BootFileNotReady
from pixiecore_core.files import cache as cache_module
from pixiecore_core.files import download
from pixiecore_core.files.cache import Cache
from pixiecore_core.files.part import Part
from pixiecore_core.files.store import Entry, Store
from pixiecore_core.files.upstream import Upstream
from pixiecore_core.models import BootFile, FileRef
from tests.files.web import Page, Site

ONE, TWO = (os.urandom(1_000_000) for _ in range(2))
TAG_ONE, TAG_TWO = {"ETag": '"one"'}, {"ETag": '"two"'}


class Bench:
    """A cache, and what it warned of."""

    def __init__(self, folder: Path, limit: int = 10_000_000) -> None:
        self.warnings: list[str] = []
        store = Store(folder, limit)
        store.prepare()
        self.store = store
        self.cache = Cache(store, Upstream(), self.warnings.append)

    def open(self, url: str, sha256: str | None = None) -> BootFile:
        return self.cache.open(FileRef(location=url, sha256=sha256))

    def get(self, url: str, sha256: str | None = None) -> bytes:
        data = read(self.open(url, sha256))
        self.settle()
        return data

    def settle(self) -> None:
        """Let downloads end."""
        with gevent.Timeout(10):
            while self.cache.downloads():
                gevent.sleep(0.005)


def read(file: BootFile, start: int = 0) -> bytes:
    parts = []
    try:
        while start < file.size:
            parts.append(file.source.read_at(start, 300_000))
            start += len(parts[-1])
    finally:
        file.source.close()
    return b"".join(parts)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(download, "RETRY_SECONDS", 0.005)
    bench = Bench(tmp_path / "cache")
    yield bench
    bench.cache.stop()
    gevent.sleep(0.01)
    assert not list(bench.store.folder.glob("parts/*")), "nothing half done is left"


def test_the_second_boot_asks_only_whether_it_has_changed(bench: Bench, site: Site) -> None:
    url = site.put("/boot/vmlinuz", Page(ONE, headers=TAG_ONE))
    first = bench.open(url)
    assert (first.name, first.size, first.etag) == ("vmlinuz", len(ONE), '"one"')
    assert read(first) == ONE
    bench.settle()
    again = bench.open(url)
    assert (again.name, again.size, again.etag) == ("vmlinuz", len(ONE), '"one"')
    assert read(again) == ONE
    assert site.statuses() == [200, 304]


def test_by_date_where_there_is_no_tag(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers={"Last-Modified": "Tue, 24 Nov 2026 08:00:00 GMT"}))
    assert bench.get(url) == bench.get(url) == ONE
    assert site.statuses() == [200, 304]


def test_what_is_fresh_is_not_asked_about(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers={"Cache-Control": "max-age=60"}))
    assert bench.get(url) == bench.get(url) == ONE
    assert site.statuses() == [200]
    assert bench.cache.answers == {"miss": 1, "hit": 1}


def test_what_has_changed_is_fetched_anew(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    assert bench.get(url) == ONE
    site.put("/x", Page(TWO, headers=TAG_TWO))
    assert bench.get(url) == TWO
    assert len(bench.store.entries()) == 1


def test_what_must_not_be_stored_is_not(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers={"Cache-Control": "no-store"}))
    assert bench.get(url) == bench.get(url) == ONE
    assert bench.store.entries() == []


def test_a_reader_of_the_old_version_keeps_it(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    bench.get(url)
    old = bench.open(url)
    assert old.source.read_at(0, 1000) == ONE[:1000]
    site.put("/x", Page(TWO, headers=TAG_TWO))
    assert bench.get(url) == TWO
    assert read(old, 1000) == ONE[1000:]


def test_readers_join_a_download_wherever_they_are(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    files = [bench.open(url) for _ in range(5)]
    assert files[0].source.read_at(900_000, 100) == ONE[900_000:900_100]
    assert all(read(file) == ONE for file in files)
    assert site.statuses() == [200]
    assert bench.cache.answers == {"miss": 1, "joined": 4}


def test_a_download_goes_on_when_its_reader_leaves(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    bench.open(url).source.close()
    bench.settle()
    assert bench.get(url) == ONE
    assert site.statuses() == [200, 304]


def test_a_broken_connection_is_continued(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE, cuts=[300_000, 1000, 0]))
    assert bench.get(url) == ONE
    assert site.statuses() == [200, 206, 206, 206]
    assert [request.headers.get("Range") for request in site.asked][1:3] == ["bytes=300000-", "bytes=301000-"]


def test_a_connection_that_breaks_for_ever_fails(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE, cuts=[1000] + [0] * 100))
    with pytest.raises(BootFileError, match=r"ended after 1,000|IncompleteRead"):
        bench.get(url)
    assert len(site.asked) <= 7
    site.pages["/x"].cuts.clear()
    assert bench.get(url) == ONE


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (Page(TWO, headers=TAG_TWO), "has changed"),
        (Page(ONE, headers=TAG_ONE, ranges=False), "cannot be read from the middle"),
        (Page(status=404), "cannot be read from the middle"),
    ],
)
def test_what_cannot_be_continued_fails_and_is_never_mixed(
    bench: Bench, site: Site, after: Page, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "RETRY_SECONDS", 0.2)
    url = site.put("/x", Page(ONE, headers=TAG_ONE, cuts=[300_000]))
    file = bench.open(url)
    assert file.source.read_at(0, 1000) == ONE[:1000]
    site.put("/x", after)
    with pytest.raises(BootFileError, match=message):
        read(file, 1000)
    assert bench.store.find(url) is None


def test_upstream_that_is_in_trouble_meanwhile_is_asked_again(bench: Bench, site: Site) -> None:
    page = Page(ONE, headers=TAG_ONE, cuts=[300_000])
    url = site.put("/x", page)
    file = bench.open(url)
    while page.cuts:
        gevent.sleep(0.001)
    site.put("/x", Page(status=503))
    gevent.sleep(0.01)
    site.put("/x", page)
    assert read(file) == ONE


def test_a_download_without_a_version_is_not_continued(bench: Bench, site: Site) -> None:
    with pytest.raises(BootFileError, match=r"ended after|IncompleteRead"):
        bench.get(site.put("/x", Page(ONE, cuts=[1000])))


def test_a_length_that_lies_fails(bench: Bench, site: Site) -> None:
    with pytest.raises(BootFileError):
        bench.get(site.put("/x", Page(ONE, headers=TAG_ONE, claimed=len(ONE) + 5)))
    assert bench.store.entries() == []


def test_a_file_without_length_is_taken_in_first(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE, length=False))
    file = bench.open(url)
    assert file.size == len(ONE)
    assert read(file) == ONE
    bench.settle()
    assert bench.get(url) == ONE
    assert site.statuses() == [200, 304]


def test_a_file_without_length_that_takes_long_is_asked_for_again(
    bench: Bench, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "SPOOL_SECONDS", 0.02)
    url = site.put("/x", Page(ONE[:30_000], headers=TAG_ONE, length=False, pause=0.01))
    with pytest.raises(BootFileNotReady, match="still on its way"):
        bench.open(url)
    bench.settle()
    assert bench.get(url) == ONE[:30_000]
    assert site.statuses() == [200, 304]


def test_an_empty_file(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(b"", headers=TAG_ONE))
    assert bench.get(url) == bench.get(url) == b""
    assert bench.get(url, sha256(b"")) == b""


def test_not_found_and_then_there(bench: Bench, site: Site) -> None:
    url = site.base + "/x"
    with pytest.raises(BootFileNotFound):
        bench.open(url)
    site.put("/x", Page(ONE))
    assert bench.get(url) == ONE


def test_an_upstream_that_fails_does_not_get_an_old_file_used(bench: Bench, site: Site) -> None:
    """An old kernel with a new initrd would not boot, or boot the wrong system."""
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    bench.get(url)
    site.put("/x", Page(status=500))
    with pytest.raises(BootFileError, match="upstream says 500"):
        bench.open(url)


def test_the_right_hash_needs_no_question(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE))
    assert bench.get(url, sha256(ONE)) == bench.get(url, sha256(ONE)) == ONE
    assert site.statuses() == [200]


def test_a_wrong_hash_is_never_served_whole_and_then_not_at_all(
    bench: Bench, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = site.put("/x", Page(ONE))
    file = bench.open(url, sha256(TWO))
    got = b""
    with pytest.raises(BootFileError, match=f"has sha256 {sha256(ONE)}, not {sha256(TWO)}"):  # noqa: PT012
        while True:
            got += file.source.read_at(len(got), 300_000)
    file.source.close()
    assert len(got) < len(ONE)
    bench.settle()
    assert len(bench.warnings) == 1
    monkeypatch.setattr(cache_module, "WRONG_SECONDS", 0.0)
    with pytest.raises(BootFileError, match="has sha256"):
        bench.open(url, sha256(TWO))
    assert bench.get(url) == ONE, "who does not insist may have it"
    site.put("/x", Page(TWO))
    assert bench.get(url, sha256(TWO)) == TWO, "and once it is mended, all may"


def test_two_expectations_of_one_download(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE))
    right, wrong = bench.open(url, sha256(ONE)), bench.open(url, sha256(TWO))
    assert read(right) == ONE
    with pytest.raises(BootFileError, match="has sha256"):
        read(wrong)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes 300,000 bytes."""
    write = Part.write

    def limited(self: Part, data: bytes) -> None:
        if self.size + len(data) > 300_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, data)

    monkeypatch.setattr(Part, "write", limited)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("pinned", [True, False])
def test_a_disk_that_fills_up_meanwhile_hurts_nobody(bench: Bench, site: Site, pinned: bool) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    files = [bench.open(url, sha256(ONE) if pinned else None) for _ in range(2)]
    assert [read(file) == ONE for file in files] == [True, True]
    assert "The disk cannot take more" in bench.warnings[0]
    assert bench.store.entries() == []


@pytest.mark.usefixtures("full")
def test_a_wrong_hash_is_seen_on_a_full_disk_too(bench: Bench, site: Site) -> None:
    with pytest.raises(BootFileError, match="has sha256"):
        bench.get(site.put("/x", Page(ONE, headers=TAG_ONE)), sha256(TWO))


def test_what_the_cache_does_not_take_is_passed_through(tmp_path: Path, site: Site) -> None:
    bench = Bench(tmp_path / "cache", limit=1000)
    assert bench.get(site.put("/x", Page(ONE))) == ONE
    assert "larger than the cache" in bench.warnings[0]


def test_a_folder_that_goes_away_is_made_again(bench: Bench, site: Site) -> None:
    bench.store.folder.rename(bench.store.folder.with_name("elsewhere"))
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    assert bench.get(url) == bench.get(url) == ONE
    assert site.statuses() == [200, 304]


def test_a_folder_that_cannot_be_made_again_is_passed_by(bench: Bench, site: Site) -> None:
    moved = bench.store.folder.rename(bench.store.folder.with_name("elsewhere"))
    bench.store.folder.touch()
    assert bench.get(site.put("/x", Page(ONE))) == ONE
    assert "is passed through" in bench.warnings[0]
    bench.store.folder.unlink()
    moved.rename(bench.store.folder)


@pytest.mark.parametrize(
    "headers",
    [{"ETag": '"two"'}, {}, {"ETag": 'W/"one"'}, {"Last-Modified": "Tue, 24 Nov 2026 08:00:00 GMT"}],
)
def test_an_upstream_that_ignores_if_range_gets_nothing_mixed(
    bench: Bench, site: Site, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "RETRY_SECONDS", 0.1)
    url = site.put("/x", Page(ONE, headers=TAG_ONE, cuts=[300_000]))
    file = bench.open(url)
    site.put("/x", Page(TWO, headers=headers, heeds_if_range=False))
    with pytest.raises(BootFileError, match="has changed"):
        read(file)
    bench.settle()
    assert bench.store.entries() == []


def test_a_pinned_file_that_was_damaged_on_the_disk_is_fetched_again(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE))
    bench.get(url, sha256(ONE))
    (body,) = bench.store.folder.glob("bodies/*")
    times = body.stat()
    with body.open("r+b") as file:
        file.write(b"rot")
    os.utime(body, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert bench.get(url, sha256(ONE)) == ONE
    assert "was damaged in the cache" in bench.warnings[0]
    assert site.statuses() == [200, 200]


def test_a_redirect_is_not_read(bench: Bench, site: Site) -> None:
    """Its body may have no end, and requests would read it all."""
    site.put("/new", Page(ONE))
    url = site.put("/old", Page(bytes(1_000_000), status=302, headers={"Location": "/new"}, pause=0.1))
    with gevent.Timeout(5):
        assert bench.get(url) == ONE


def test_an_upstream_without_length_and_without_end(bench: Bench, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SPOOL_LIMIT", 400_000)
    with pytest.raises(BootFileError, match="gives no length, and sends over 400,000 bytes"):
        bench.open(site.put("/x", Page(ONE, length=False)))


def test_a_disk_that_cannot_be_written_to_still_gives_what_it_has(
    bench: Bench, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    bench.get(url)

    def refresh(*_: object) -> Entry:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(bench.store, "refresh", refresh)
    assert bench.get(url) == ONE
    assert "cannot record that" in bench.warnings[0]


@pytest.mark.parametrize("pinned", [True, False])
def test_a_file_that_cannot_be_kept_is_served_whole(
    bench: Bench, site: Site, pinned: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def commit(*_: object) -> Entry:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(bench.store, "commit", commit)
    assert bench.get(site.put("/x", Page(ONE)), sha256(ONE) if pinned else None) == ONE
    assert "is not kept in the cache: No space left on device" in bench.warnings[0]
    assert "Traceback" not in capfd.readouterr().err


def test_different_pins_at_the_same_time_share_one_download(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE))
    opened = [gevent.spawn(bench.open, url, pin) for pin in (None, None, sha256(ONE), sha256(TWO))]
    gevent.joinall(opened, raise_error=True)
    files = [greenlet.get() for greenlet in opened]
    assert [read(file) == ONE for file in files[:3]] == [True] * 3
    with pytest.raises(BootFileError, match="has sha256"):
        read(files[3])
    bench.settle()
    assert site.statuses() == [200]
    assert len(bench.warnings) == 1


def test_a_wrong_file_is_not_fetched_again_and_again(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE))
    for _ in range(3):
        with pytest.raises(BootFileError, match=r"another sha256|has sha256"):
            bench.get(url, sha256(TWO))
    assert site.statuses() == [200]


def test_a_file_without_length_that_is_not_kept_waits_for_those_who_were_told_to_come_back(
    bench: Bench, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "SPOOL_SECONDS", 0.02)
    monkeypatch.setattr(download, "LINGER_SECONDS", 0.3)
    headers = {"Cache-Control": "no-store"}
    url = site.put("/x", Page(ONE[:30_000], headers=headers, length=False, pause=0.01))
    with pytest.raises(BootFileNotReady):
        bench.open(url)
    (running,) = bench.cache.downloads()
    assert running.wait_for_end(10)
    assert read(bench.open(url)) == ONE[:30_000]
    assert site.statuses() == [200]
    bench.settle()


def test_a_body_that_ends_by_closing_is_not_kept_unless_it_is_known_to_be_right(
    bench: Bench, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LINGER_SECONDS", 0.0)
    url = site.put("/x", Page(ONE, headers=TAG_ONE, length=False, chunked=False))
    assert bench.get(url) == ONE
    assert bench.store.entries() == []
    assert bench.get(url, sha256(ONE)) == ONE
    assert len(bench.store.entries()) == 1


def test_a_kept_connection_that_upstream_has_closed_is_no_failure(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    bench.get(url)
    site.put("/x", Page(ONE, headers=TAG_ONE, hangs_up=1))
    assert bench.get(url) == ONE


def test_a_length_of_thousands_of_digits(bench: Bench, site: Site) -> None:
    with pytest.raises(BootFileError):
        bench.get(site.put("/x", Page(ONE, claimed=10**4500)))


def test_two_caches_in_one_folder(bench: Bench, site: Site) -> None:
    other = Bench(bench.store.folder)
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    mine, theirs = bench.open(url), other.open(url)
    assert read(mine) == read(theirs) == ONE
    bench.settle()
    other.settle()
    assert bench.get(url) == other.get(url) == ONE
    assert len(list(bench.store.folder.glob("bodies/*"))) == 1


def test_an_entry_that_another_process_has_just_removed(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers={"Cache-Control": "max-age=60"}))
    bench.get(url)
    find = bench.store.find
    entry = find(url)
    assert entry is not None
    bench.store.remove(entry)
    stale = iter([entry])
    bench.cache.store.find = lambda url: next(stale, None)  # type: ignore[method-assign]
    assert bench.get(url) == ONE

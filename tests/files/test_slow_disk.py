"""A disk that takes long to make a file safe: a client that asks meanwhile gets upstream's latest, and no more comes
than must.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import gevent
import pytest

from pixiecore_core.errors import BootFileError
from pixiecore_core.files import store as store_module
from pixiecore_core.files.store import Entry
from tests.files.test_cache import ONE, TAG_ONE, TAG_TWO, TWO, Bench, bench, read, sha256
from tests.files.web import Page, Site

__all__ = ["bench"]  # a fixture


class Disk:
    """Holds up what is to be made safe, until it is let go."""

    def __init__(self) -> None:
        self.waiting = 0
        self._free = threading.Event()
        self._sync = os.fdatasync

    def sync(self, descriptor: int) -> None:
        self.waiting += 1
        assert self._free.wait(30)
        self._sync(descriptor)

    def let_go(self) -> None:
        self._free.set()


@pytest.fixture
def disk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk()
    monkeypatch.setattr(store_module.os, "fdatasync", disk.sync)
    yield disk
    disk.let_go()
    bench.settle()


def get_while_it_is_held(bench: Bench, disk: Disk, url: str) -> bytes:
    """The file at *url*, whose download is whole by now, and waits for the disk."""
    before = disk.waiting
    data = read(bench.open(url))
    with gevent.Timeout(10):
        while disk.waiting == before:
            gevent.sleep(0.005)
    return data


def test_a_new_version_is_seen(bench: Bench, disk: Disk, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    assert get_while_it_is_held(bench, disk, url) == ONE
    site.put("/x", Page(TWO, headers=TAG_TWO))
    assert read(bench.open(url)) == TWO
    assert site.statuses() == [200, 200]


def test_the_same_version_is_not_fetched_again(bench: Bench, disk: Disk, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    assert get_while_it_is_held(bench, disk, url) == ONE
    assert read(bench.open(url)) == ONE
    disk.let_go()
    assert bench.get(url) == ONE
    assert site.statuses() == [200, 304, 304]


def test_what_is_fresh_is_not_asked_about(bench: Bench, disk: Disk, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers={"Cache-Control": "max-age=60"}))
    assert get_while_it_is_held(bench, disk, url) == read(bench.open(url)) == ONE
    assert site.statuses() == [200]


def test_the_right_hash_needs_no_question_and_another_is_asked_for(bench: Bench, disk: Disk, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    assert get_while_it_is_held(bench, disk, url) == read(bench.open(url, sha256(ONE))) == ONE
    assert site.statuses() == [200]
    site.put("/x", Page(TWO, headers=TAG_TWO))
    file = bench.open(url, sha256(TWO))
    disk.let_go()
    assert read(file) == TWO


def test_another_hash_of_the_same_version_is_an_error(bench: Bench, disk: Disk, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    get_while_it_is_held(bench, disk, url)
    with pytest.raises(BootFileError, match="has sha256"):
        bench.open(url, sha256(TWO))
    assert site.statuses() == [200, 304]


def test_an_entry_that_is_replaced_while_it_is_looked_at_is_found(bench: Bench, site: Site) -> None:
    url = site.put("/x", Page(ONE, headers=TAG_ONE))
    bench.get(url)
    former = bench.store.find(url)
    site.put("/x", Page(TWO, headers=TAG_TWO))
    bench.get(url)
    latest = bench.store.find(url)
    assert former is not None
    assert latest is not None
    read_entry = bench.store._read
    stale: list[Entry] = [former]
    bench.store._read = lambda path: stale.pop() if stale else read_entry(path)  # type: ignore[method-assign]
    assert bench.store.find(url) == latest

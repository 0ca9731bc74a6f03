"""One upstream fetch for all machines: decides for each request whether to use what is on disk, join a download that is
under way, ask upstream whether it has changed, or start to download.

A cache that cannot be written to degrades to passing files through. Bytes are the business of download.py and store.py,
headers of freshness.py.
"""

from __future__ import annotations

import os
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import gevent
import gevent.event
from gevent.lock import BoundedSemaphore

from pixiecore_core.errors import BootFileError, BootFileNotReady
from pixiecore_core.files.disk import DiskFile, on_disk_thread
from pixiecore_core.files.download import Download
from pixiecore_core.files.freshness import fresh_until, may_keep
from pixiecore_core.files.local import LocalFile, digest_of
from pixiecore_core.files.store import Entry, Store
from pixiecore_core.files.upstream import SPOOL_SECONDS, Answer, Upstream, pass_through, shown, wrong_digest
from pixiecore_core.models import BootFile, FileRef

ASK_AGAIN_SECONDS = 5
"""How long a client should wait before it asks again for a file that takes longer than it should wait."""

WRONG_SECONDS = 10.0
"""How long a file with a wrong sha256 is not fetched again: a room of machines asks every few seconds."""
_WRONG_KEPT = 1000

Found = Entry | Download | None
"""``None``: the cache cannot take it, so it must be passed through."""


@dataclass(slots=True)
class Cache:
    """The cache in use.

    :param warn: told, in words, what an operator should know
    """

    store: Store
    upstream: Upstream
    warn: Callable[[str], None]
    answers: Counter[str] = field(default_factory=Counter)
    """How often a file was a hit, a miss, joined a download under way, or was passed through."""
    _downloads: dict[str, Download] = field(default_factory=dict)
    _wrong: OrderedDict[tuple[str, str], float] = field(default_factory=OrderedDict)
    """URLs whose bytes did not have the expected sha256, and when that was last seen."""
    _turns: dict[str, BoundedSemaphore] = field(default_factory=dict)
    _searches: dict[tuple[str, str | None], gevent.event.AsyncResult[Found]] = field(default_factory=dict)

    def open(self, ref: FileRef) -> BootFile:
        """Open the URL *ref*.

        :raises BootFileNotFound: upstream says 404 or 410
        :raises BootFileTimeout: upstream does not answer in time
        :raises BootFileNotReady: the file is still on its way, and none of it can be given out before it is whole
        :raises BootFileError: upstream cannot be reached or says anything else but 200, or the file is not the one that
            *ref* must be
        """
        if ref.sha256 is not None:
            lied = self._wrong.get((ref.location, ref.sha256), float("-inf"))
            if time.monotonic() - lied < WRONG_SECONDS:
                raise BootFileError(f"{shown(ref.location)} just now had a sha256 other than {ref.sha256}")
        for _ in range(3):
            found = self._find_together(ref)
            if found is None:
                self.answers["passed"] += 1
                return pass_through(self.upstream, ref)
            opened = self._open_download(found, ref) if isinstance(found, Download) else self._open_entry(found, ref)
            if opened is not None:
                self.answers[_answer_of(found)] += 1
                return opened
            # Another process has replaced or removed the entry between the check and the use.
        return pass_through(self.upstream, ref)

    def stop(self) -> None:
        """Give up every download; what has arrived is deleted."""
        for download in list(self._downloads.values()):
            download.stop()

    def downloads(self) -> list[Download]:
        """Those under way."""
        return list(self._downloads.values())

    def _find_together(self, ref: FileRef) -> Found:
        """Ask upstream once for all clients that want to know at the same time.

        In a greenlet of its own, so that a client that goes away does not take the others' answer along.
        """
        key = (ref.location, ref.sha256)
        search = self._searches.get(key)
        if search is None:
            search = self._searches[key] = gevent.event.AsyncResult()
            gevent.spawn(self._search, key, search)
        return search.get()

    def _search(self, key: tuple[str, str | None], search: gevent.event.AsyncResult[Found]) -> None:
        # Machines that expect different hashes ask one after the other: the later ones join the first one's download.
        turn = self._turns.setdefault(key[0], BoundedSemaphore())
        try:
            with turn:
                search.set(self._find(*key))
        except Exception as error:
            search.set_exception(error)
        finally:
            del self._searches[key]
            if turn.counter and self._turns.get(key[0]) is turn:
                del self._turns[key[0]]

    def _find(self, url: str, expected: str | None) -> Found:
        """What *url* is to be served from."""
        running = self._downloads.get(url)
        if running is not None and running.joinable:
            if running.needs_no_question(expected, time.time()):
                return running
        else:
            running = None
        entry = on_disk_thread(self.store.find, url)
        if entry is not None and expected is not None and entry.sha256 != expected:
            self._wrong.setdefault((url, expected), float("-inf"))
        if entry is not None and expected is not None and entry.sha256 == expected:
            return entry  # the very bytes: upstream has nothing to add
        # An entry with a hash other than expected is useless; ask for the file whatever its version.
        known = running or (entry if expected is None else None)
        if isinstance(known, Entry) and known.is_fresh(time.time()):
            return known
        answer = self.upstream.get(url, known.validators.if_changed() if known else None)
        if known is not None and answer.status == 304:
            answer.close()
            return known if isinstance(known, Download) else self._confirmed(known, answer)
        answer.check()
        try:
            part = on_disk_thread(self.store.begin, answer.length)
        except OSError as error:
            answer.close()
            self.warn(f"The cache cannot take {shown(url)}: {error.strerror or error}; it is passed through")
            return None
        keep = may_keep(answer.headers)
        download = self._downloads[url] = Download(self.store, self.upstream, answer, part, keep, self._ended)
        return download

    def _confirmed(self, entry: Entry, answer: Answer) -> Entry:
        """*entry*, of which upstream has just said that it is up to date."""
        # RFC 9111 section 4.3.4: a 304 without a lifetime leaves the former one, which has passed.
        try:
            return on_disk_thread(self.store.refresh, entry, fresh_until(answer.headers, time.time()))
        except OSError as error:
            self.warn(f"The cache cannot record that {shown(entry.url)} is up to date: {error.strerror or error}")
            return entry

    def _ended(self, download: Download) -> None:
        url = download.url
        if self._downloads.get(url) is download:
            del self._downloads[url]
        if download.lost:
            self.warn(f"The disk cannot take more of {shown(url)}: its readers go on from upstream by themselves")
        if download.unkept:
            self.warn(f"{shown(url)} is not kept in the cache: {download.unkept}")
        for expected in download.expected:
            if download.sha256 is not None and download.sha256 != expected:
                self._note_wrong(url, expected)
                self.warn(wrong_digest(url, download.sha256, expected))

    def _note_wrong(self, url: str, expected: str) -> None:
        self._wrong[url, expected] = time.monotonic()
        if len(self._wrong) > _WRONG_KEPT:
            self._wrong.popitem(last=False)

    def _open_entry(self, entry: Entry, ref: FileRef) -> BootFile | None:
        try:
            file = DiskFile(on_disk_thread(self.store.open, entry))
        except OSError:
            return None
        status = os.fstat(file.descriptor)
        if ref.sha256 is not None and digest_of(shown(entry.url), file, status) != ref.sha256:
            file.close()
            self.warn(f"{shown(entry.url)} was damaged in the cache; it is fetched again")
            on_disk_thread(self.store.remove, entry)
            return None
        etag = entry.validators.strong_etag or f'"{entry.body}"'
        source = LocalFile(shown(entry.url), file, status)
        return BootFile(name=ref.name, size=entry.size, etag=etag, source=source)

    def _open_download(self, download: Download, ref: FileRef) -> BootFile | None:
        source = download.reader(ref.sha256)
        if source is None:
            return None  # it has ended meanwhile, and is on the disk by now
        try:
            # Without the length a client is given nothing, and from a URL that has lied, nothing that may be wrong.
            lied = ref.sha256 is not None and (ref.location, ref.sha256) in self._wrong
            if (download.size is None or lied) and not download.wait_for_end(SPOOL_SECONDS):
                raise BootFileNotReady(f"{shown(ref.location)} is still on its way", ASK_AGAIN_SECONDS)
            if download.error is not None:
                raise download.error
            if ref.sha256 is not None and download.sha256 not in (None, ref.sha256):
                raise BootFileError(wrong_digest(ref.location, str(download.sha256), ref.sha256))
        except BaseException:
            source.close()
            raise
        if download.size is None or (lied and download.lost):
            # The disk is full. There may be room for one client's copy elsewhere.
            source.close()
            return pass_through(self.upstream, ref)
        return BootFile(name=ref.name, size=download.size, etag=download.etag, source=source)


def _answer_of(found: Entry | Download) -> str:
    """What it was to the one who asked."""
    if isinstance(found, Entry):
        return "hit"
    first, found.is_joined = not found.is_joined, True
    return "miss" if first else "joined"

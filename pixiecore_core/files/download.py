"""One upstream file on its way into the cache, and everything that reads it meanwhile.

A client that asks for the file joins at whatever offset it needs and waits only for bytes that have not come. A
connection that breaks is continued by Range if upstream can say that it is still the same file; otherwise all readers
fail, and no client gets a short or mixed file. When the disk is full, readers go on from upstream by themselves.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from select import POLLRDHUP

import gevent
import gevent.event
from gevent import select

from pixiecore_core.errors import BootFileError, BootFileTimeout
from pixiecore_core.files.disk import DiskFile, on_disk_thread
from pixiecore_core.files.freshness import fresh_until
from pixiecore_core.files.part import Part
from pixiecore_core.files.store import Entry, Store
from pixiecore_core.files.upstream import (
    PIECE,
    SPOOL_LIMIT,
    Answer,
    Digest,
    PassedThrough,
    Unreachable,
    Upstream,
    shown,
    wrong_digest,
)

ATTEMPTS = 5
"""How many continuations in a row may bring no byte before a broken download is given up."""
LINGER_SECONDS = 15.0
"""How long a file that is not kept stays joinable after its end, where clients were told to ask again for it."""
_LOOK_SECONDS = 5.0
"""How often a reader that waits looks whether its client is still there."""
RETRY_SECONDS = 0.5
"""Before the first continuation; each later one waits twice as long."""


class Download:
    """A download, running in a greenlet of its own.

    :param answer: upstream's, with status 200
    :param part: where the bytes go
    :param keep: whether the file may stay in the cache
    """

    def __init__(
        self,
        store: Store,
        upstream: Upstream,
        answer: Answer,
        part: Part,
        keep: bool,
        on_end: Callable[[Download], None],
    ) -> None:
        self.url = answer.url
        self.size = answer.length
        """Bytes; ``None`` until the end where upstream does not say."""
        self.available = 0
        """Bytes that have come."""
        self.entry: Entry | None = None
        """The file in the cache, once it is whole."""
        self.sha256: str | None = None
        """Of the whole file, once it is whole."""
        self.error: BootFileError | None = None
        """Why it failed."""
        self.is_joined = False
        """Whether somebody reads it."""
        self.lost = False
        """The disk takes no more: what is missing must come from upstream."""
        self.unkept = ""
        """Why the whole file could not stay in the cache, if so."""
        self.expected: set[str] = set()
        """The hashes that its readers count on."""
        self.validators = answer.validators
        self.etag = answer.validators.strong_etag or f'"{part.path.name}"'
        self._store = store
        self._upstream = upstream
        self._answer = answer
        self._part = part
        self._file = DiskFile(part.descriptor)
        self._keep = keep
        self._told_to_ask_again = answer.length is None
        self._asked = time.time()
        self._fresh_until = 0.0
        self._on_end = on_end
        self._readers = 1  # the download itself
        self._news = gevent.event.Event()
        self._done = gevent.event.Event()
        self._greenlet = gevent.spawn(self._run)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.sha256 is not None or self.error is not None or self.lost

    @property
    def joinable(self) -> bool:
        """Whether it has, or will have, every byte."""
        return self.error is None and not self.lost and self._readers > 0

    def needs_no_question(self, expected: str | None, now: float) -> bool:
        """Whether it may be joined without asking upstream first if it is still the latest version.

        On its way it may. Once it is whole, it may take the disk a long time yet to have it safe, and upstream may have
        another version by then: it is like a file in the cache.

        :param expected: the sha256 that the joining reader wants
        :param now: seconds since the epoch
        """
        if self.sha256 is None and self.available != self.size:
            return True
        if self._told_to_ask_again:
            return True  # or they would be told so for ever, where each request starts a new download
        if expected is not None:
            return self.sha256 in (None, expected) or not self.validators.if_changed()
        return now < self._fresh_until

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for more bytes, or the end; ``False`` when *timeout* seconds went by with nothing new."""
        return self.ended or bool(self._news.wait(timeout))

    def wait_for_end(self, timeout: float) -> bool:
        """Wait until it has ended, and is in the cache if it should be; ``False`` if not after *timeout* seconds."""
        return bool(self._done.wait(timeout))

    def stop(self) -> None:
        """Give it up; for the end of the process."""
        self._greenlet.kill(block=False)

    def reader(self, expected: str | None) -> DownloadReader | None:
        """A byte source over what has come and is still to come; ``None`` once the last reader has left.

        :param expected: the sha256 that the whole must have
        """
        if not self._readers:
            return None
        self._readers += 1
        if expected is not None:
            self.expected.add(expected)
        return DownloadReader(self, self._file, self._upstream, self._part, expected)

    def release(self) -> None:
        """One reader fewer; the last one closes the file."""
        self._readers -= 1
        if not self._readers:
            self._file.close()

    def _run(self) -> None:
        try:
            self._receive()
            self._finish()
        except BootFileError as error:
            self.error = error
        except OSError:
            # Out of space, or the folder is gone. Upstream's ConnectionErrors do not come here.
            self.lost = True
        except Exception as error:
            self.error = BootFileError(f"{shown(self.url)}: {type(error).__name__}: {error}")
        finally:
            if not self.ended:
                self.error = BootFileError(f"{shown(self.url)}: the download was given up")
            self._answer.close()
            self._announce()
            self._done.set()
            try:
                if self.entry is None and self.sha256 is not None and self._told_to_ask_again:
                    gevent.sleep(LINGER_SECONDS)
            finally:
                self._store.end(self._part)
                self._on_end(self)
                self.release()

    def _receive(self) -> None:
        failures = 0
        while True:
            try:
                while data := self._answer.read(PIECE):
                    on_disk_thread(self._part.write, data)
                    self.available += len(data)
                    if self.size is None and self.available > (most := min(SPOOL_LIMIT, self._store.limit)):
                        reason = f"upstream gives no length, and sends over {most:,} bytes"
                        raise BootFileError(f"{shown(self.url)}: {reason}")
                    failures = 0
                    self._announce()
                if self.size is None or self.available == self.size:
                    return
                reason = f"ended after {self.available:,} of {self.size:,} bytes"
            except (ConnectionError, BootFileTimeout) as error:
                reason = str(error)
            self._answer.close()
            if self.available == self.size:
                return
            while True:
                failures += 1
                if failures > ATTEMPTS or self.size is None or not self.validators.if_same():
                    raise BootFileError(f"{shown(self.url)}: {reason}")
                gevent.sleep(RETRY_SECONDS * 2 ** (failures - 1))
                if self._continue():
                    break

    def _continue(self) -> bool:
        """Ask for the rest; ``False`` if upstream cannot be reached just now.

        :raises BootFileError: it is another file by now, or upstream cannot give a part of it
        """
        assert self.size is not None
        try:
            self._answer = self._upstream.get_rest(self.url, self.available, self.size, self.validators)
        except (BootFileTimeout, Unreachable):
            return False
        return True

    def _finish(self) -> None:
        self.size = self.available
        answer = self._answer
        self._fresh_until = fresh_until(answer.headers, time.time())
        self.sha256 = self._part.sha256()
        self._announce()
        # A body that ends with the connection may have been cut off, and nothing would show it.
        if not self._keep or not (answer.ends_by_itself or self.sha256 in self.expected):
            return
        try:
            self.entry = on_disk_thread(
                self._store.commit, self._part, self.url, self.validators, self._asked, self._fresh_until
            )
        except OSError as error:
            self.unkept = error.strerror or str(error)

    def _announce(self) -> None:
        news, self._news = self._news, gevent.event.Event()
        news.set()


class DownloadReader:
    """A byte source; its reader may be anywhere in the file."""

    def __init__(
        self, download: Download, file: DiskFile, upstream: Upstream, part: Part, expected: str | None
    ) -> None:
        self._download = download
        self._file = file
        self._upstream = upstream
        self._part = part
        self._expected = expected
        self._rest: PassedThrough | None = None

    def read_at(self, offset: int, length: int) -> bytes:
        """Between one and *length* bytes from *offset*; waits for them to come.

        :raises BootFileError: the download failed, or brought a file with another sha256
        """
        end = self._wait_for(offset)
        if end > offset:
            try:
                return self._file.read(offset, min(length, end - offset))
            except OSError as error:
                raise BootFileError(f"{shown(self._download.url)}: {error.strerror}") from error
        return self._go_on_alone(offset).read_at(offset, length) if self._download.lost else b""

    def send_to(self, connection: int, offset: int, length: int, patience: float) -> int:
        """See :meth:`pixiecore_core.files.disk.DiskFile.send_to`: what has come, up to *length* bytes."""
        end = self._wait_for(offset, connection)
        return self._file.send_to(connection, offset, min(length, end - offset), patience) if end > offset else 0

    def close(self) -> None:
        """Leave the download, which goes on without us."""
        if self._rest is not None:
            self._rest.close()
        self._download.release()

    def _wait_for(self, offset: int, connection: int | None = None) -> int:
        """Up to where bytes may be given out, once that is beyond *offset* or the download has ended.

        :param connection: the socket of the client that waits
        :raises ConnectionResetError: the client has gone
        """
        download = self._download
        while True:
            end = self._end()
            if end > offset or download.ended:
                break
            if not download.wait(_LOOK_SECONDS) and connection is not None and _has_left(connection):
                raise ConnectionResetError(errno.ECONNRESET, "the client went away")
        if end <= offset and download.error is not None:
            raise download.error
        return end

    def _end(self) -> int:
        download = self._download
        if self._expected is None:
            return download.available
        if download.sha256 is None:
            # No client gets the last byte before the whole is known to be right.
            return min(download.available, (download.size or 1) - 1)
        if download.sha256 != self._expected:
            raise BootFileError(wrong_digest(download.url, download.sha256, self._expected))
        return download.available

    def _go_on_alone(self, offset: int) -> PassedThrough:
        if self._rest is None:
            download = self._download
            if download.size is None or (self._expected and offset != download.available):
                raise BootFileError(f"{shown(download.url)}: the disk is full")
            rest = self._upstream.get_rest(download.url, offset, download.size, download.validators)
            # A reader of everything that came can go on hashing from there.
            digest = Digest(self._expected, self._part.hash_so_far()) if self._expected else None
            self._rest = PassedThrough(self._upstream, rest, download.size, offset, digest)
        return self._rest


def _has_left(connection: int) -> bool:
    """Whether the other side of a socket has closed it."""
    watched = select.poll()
    watched.register(connection, POLLRDHUP)
    return bool(watched.poll(0))

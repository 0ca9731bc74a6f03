"""The cache on disk: whole files by URL, within a limit of bytes. Plain blocking calls, for a disk thread.

A file is written to ``parts/``, and when it is whole its facts appear in ``entries/`` by one rename: a crash leaves an
old entry, a new one or none, never a mixed one. Several processes may share the folder. Fetches nothing.

    entries/SHA256-OF-URL.json   url, validators, size, sha256, body; its time of change is when it was last used
    bodies/ID                    the bytes
    parts/ID                     on its way, locked by the process that writes it
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
import time
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from pixiecore_core.files.freshness import Validators
from pixiecore_core.files.part import Part
from pixiecore_core.models import Model
from pixiecore_core.ownership import check_folder, open_folder

_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Downloads of Pixiecore. Backup programs may skip this folder.\n"
"""The Cache Directory Tagging Specification's file: its first line is fixed."""
_TAG_NAME = "CACHEDIR.TAG"
MOST_ENTRIES = 20_000
"""Each is a small file that has to be looked at when room is made."""
_RECOUNT_SECONDS = 60.0
"""Other processes may share the folder: what they add is counted this late."""
_LOCK_SECONDS = 3.0
_YOUNG_SECONDS = 60.0
_OUR_NAME = re.compile(r"^[0-9a-f]{32}$")


class Entry(Model):
    """The facts of a file in the cache."""

    url: str
    body: str
    """Names the bytes; another download of the same URL has another name."""
    size: int
    sha256: str
    validators: Validators
    modified: int
    """When the bytes were written, in nanoseconds since the epoch: a later change shows."""
    confirmed: float
    """When upstream was last asked, in seconds since the epoch."""
    fresh_until: float
    """Seconds since the epoch until which it may be used without asking upstream."""

    def is_fresh(self, now: float) -> bool:
        """Whether it may be used unasked; a clock that was wrong must not make it last."""
        return self.confirmed - 60 <= now < self.fresh_until


class Store:
    """The folder.

    :param limit: bytes that all files together may take
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.limit = limit
        self._close: Callable[[], object] = lambda: None
        self._look_into(folder)
        self._total = self._count = 0
        self._counted = float("-inf")
        self._growing: dict[Path, int] = {}

    def open_existing(self) -> bool:
        """Open the folder if it is a cache; whether it is one. Makes nothing, and deletes nothing.

        :raises OSError: others have a say in what is in it
        """
        if not (self.folder / _TAG_NAME).exists():
            return False
        self._open()
        return True

    def prepare(self) -> None:
        """Make the folders, and delete what a killed process left half done.

        :raises OSError: the folder cannot be written to, or others have a say in what is in it
        """
        # Private: URLs may hold passwords, and images secrets.
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._open()
        for folder in (self._entries, self._bodies, self._parts):
            folder.mkdir(mode=0o700, exist_ok=True)
            check_folder(folder)
        ours = self._tag.exists()
        with open(self._tag, "w", encoding="ascii", opener=_no_link) as tag:
            tag.write(_TAG)
        if ours:
            self._sweep()

    def _open(self) -> None:
        # We stay in the folder that was checked, even if somebody exchanges it: its parent may be another user's.
        descriptor = open_folder(self.folder, sticky=True)
        self._close()
        self._close = weakref.finalize(self, os.close, descriptor)
        self._look_into(Path(f"/proc/self/fd/{descriptor}"))

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(self.folder.stat(), self._tag.parent.stat()) and self._parts.is_dir()
        except OSError:
            return False

    def _look_into(self, folder: Path) -> None:
        self._entries, self._bodies, self._parts = (folder / name for name in ("entries", "bodies", "parts"))
        self._tag, self._lock = folder / _TAG_NAME, folder / "lock"

    def _sweep(self) -> None:
        with self._locked():
            for part in self._parts.iterdir():
                if _OUR_NAME.match(part.name) and not _in_use(part):
                    part.unlink(missing_ok=True)
            known = {entry.body for entry, _ in self._read_all()}
            for body in self._bodies.iterdir():
                if _OUR_NAME.match(body.name) and body.name not in known:
                    body.unlink(missing_ok=True)

    def find(self, url: str) -> Entry | None:
        """The entry of *url*, if its bytes are there."""
        entry = self._read(self._path(url))
        while entry is not None and entry.url == url:
            try:
                status = self._body(entry).stat()
            except OSError:
                # Another process may have put a new version in its place since we read of it.
                former, entry = entry, self._read(self._path(url))
                if entry == former:
                    return None
                continue
            return entry if (status.st_size, status.st_mtime_ns) == (entry.size, entry.modified) else None
        return None

    def open(self, entry: Entry) -> int:
        """A descriptor of the bytes of *entry*, which count as used now.

        :raises OSError: another process has just replaced or removed them
        """
        descriptor = os.open(self._body(entry), os.O_RDONLY | os.O_CLOEXEC)
        with contextlib.suppress(OSError):
            os.utime(self._path(entry.url))
        return descriptor

    def begin(self, size: int | None) -> Part:
        """Start a file of *size* bytes.

        :raises OSError: there is no room for it (EFBIG), or the folder cannot be written to
        """
        if size is not None and size > self.limit:
            raise OSError(errno.EFBIG, f"it is larger than the cache's limit of {self.limit:,} bytes")
        if not self._is_in_place():
            self.prepare()  # the folder has been removed, or is another now
        room = os.statvfs(self._parts)
        if size is not None and size > room.f_bavail * room.f_frsize + self._known_total():
            raise OSError(errno.EFBIG, "the disk has no room for it, even without the rest of the cache")
        path = self._parts / secrets.token_hex(16)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._growing[path] = 0
        return Part(path, descriptor, partial(self._make_room, path), size)

    def end(self, part: Part) -> None:
        """*part* is no longer on its way; delete it unless it was committed. Its readers can go on reading."""
        self._growing.pop(part.path, None)
        with contextlib.suppress(OSError):
            part.path.unlink()

    def _make_room(self, path: Path, count: int) -> None:
        """Room for *count* more bytes of the part at *path* within the limit; for a full disk, *count* is negative."""
        if count < 0:
            self.shrink_to(max(0, self._known_total() + count))
            return
        self._growing[path] = self._growing.get(path, 0) + count
        growing = sum(self._growing.values())
        if self._known_total() + growing > self.limit or self._count > MOST_ENTRIES:
            self.shrink_to(max(0, self.limit - growing))

    def _known_total(self) -> int:
        """Bytes of all entries, as of a minute ago or less."""
        if time.monotonic() - self._counted > _RECOUNT_SECONDS:
            entries = self.entries()
            self._total, self._count = sum(entry.size for entry, _ in entries), len(entries)
            self._counted = time.monotonic()
        return self._total

    def commit(self, part: Part, url: str, validators: Validators, asked: float, fresh_until: float) -> Entry:
        """Make the whole file *part* the entry of *url*, in place of one that upstream was asked for earlier.

        :param asked: when upstream was asked for it, in seconds since the epoch
        :returns: the entry of *url*, which is another where upstream was asked later, by us or by another process
        :raises OSError: the disk is full, or failed
        """
        os.fdatasync(part.descriptor)
        entry = Entry(
            modified=os.fstat(part.descriptor).st_mtime_ns,
            confirmed=asked,
            url=url,
            body=part.path.name,
            size=part.size,
            sha256=part.sha256(),
            validators=validators,
            fresh_until=fresh_until,
        )
        with self._locked():
            former = self._read(self._path(url))
            # The disk may have taken so long that ours is the older version. A clock that was wrong does not count.
            if former is not None and asked < former.confirmed <= time.time() and self._body(former).exists():
                return former
            part.path.rename(self._body(entry))
            try:
                self._write(entry)
            except OSError:
                self._body(entry).unlink(missing_ok=True)
                raise
            if former is not None:
                self._body(former).unlink(missing_ok=True)
        self._growing.pop(part.path, None)
        self._total += entry.size - (former.size if former else 0)
        self._count += former is None
        return entry

    def refresh(self, entry: Entry, fresh_until: float) -> Entry:
        """Note that upstream has confirmed *entry*."""
        confirmed = entry.model_copy(update={"fresh_until": fresh_until, "confirmed": time.time()})
        with self._locked():
            if self._read(self._path(entry.url)) == entry:
                self._write(confirmed)
        return confirmed

    def entries(self) -> list[tuple[Entry, float]]:
        """Every entry, and when it was last used in seconds since the epoch; the one unused longest first."""
        return sorted(self._read_all(), key=lambda item: item[1])

    def remove(self, entry: Entry) -> None:
        """Delete *entry*, unless it has been replaced meanwhile."""
        with self._locked():
            self._remove(entry)

    def is_sound(self, entry: Entry) -> bool:
        """Whether the bytes of *entry* are what they were when they were fetched. Reads them all."""
        try:
            with self._body(entry).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256
        except OSError:
            return False

    def shrink_to(self, limit: int, unused_since: float | None = None) -> list[Entry]:
        """Delete the entries unused longest until all together take at most *limit* bytes.

        :param unused_since: delete also what was not used since then, in seconds since the epoch
        :returns: what was deleted
        """
        with self._locked():
            entries = self.entries()
            total, count = sum(entry.size for entry, _ in entries), len(entries)
            removed = []
            for entry, used in entries:
                if total <= limit and count <= MOST_ENTRIES and (unused_since is None or used >= unused_since):
                    continue
                self._remove(entry)
                removed.append(entry)
                total -= entry.size
                count -= 1
            self._total, self._count, self._counted = total, count, time.monotonic()
        return removed

    def _remove(self, entry: Entry) -> None:
        current = self._read(self._path(entry.url))
        if current is not None and current.body == entry.body:
            self._path(entry.url).unlink(missing_ok=True)
        self._body(entry).unlink(missing_ok=True)

    def _path(self, url: str) -> Path:
        return self._entries / f"{hashlib.sha256(url.encode()).hexdigest()}.json"

    def _body(self, entry: Entry) -> Path:
        return self._bodies / Path(entry.body).name

    def _read(self, path: Path) -> Entry | None:
        try:
            return Entry.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None

    def _read_all(self) -> Iterator[tuple[Entry, float]]:
        for path in self._entries.glob("*.json"):
            try:
                used = path.stat().st_mtime
            except OSError:
                continue
            entry = self._read(path)
            if entry is not None:
                yield entry, used

    def _write(self, entry: Entry) -> None:
        path = self._path(entry.url)
        new = self._parts / f"{path.name}.{secrets.token_hex(8)}"
        try:
            new.write_text(entry.model_dump_json())
            now = time.time()
            os.utime(new, (now, now))
            new.rename(path)
        except OSError:
            new.unlink(missing_ok=True)
            raise

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps other processes, and our other threads, from changing the folder meanwhile."""
        with open(self._lock, "wb", opener=_no_link) as lock:
            give_up = time.monotonic() + _LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    # A process that was stopped while it had the lock must not hold up every machine.
                    if time.monotonic() > give_up:
                        raise OSError(errno.EBUSY, "another process holds the cache's lock") from None
                    time.sleep(0.01)
            yield


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _in_use(part: Path) -> bool:
    """Whether the process that writes *part* is alive: it holds a lock, which the kernel takes away with it."""
    try:
        if time.time() - part.stat().st_mtime < _YOUNG_SECONDS and part.stat().st_size == 0:
            return True  # made a moment ago, and not locked yet
        with part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False

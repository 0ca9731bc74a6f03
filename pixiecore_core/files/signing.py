"""Signs EFI programs that are made when they are asked for: once for each content, and kept in the cache.

A signer needs a whole file, so the program is written to the cache's folder first. Machines that ask for the same one
meanwhile wait for it. What is kept counts towards the cache's limit, and is made again once it had to go.
"""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import gevent
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore

from pixiecore_core.errors import BootFileError, BootFileNotReady
from pixiecore_core.files.disk import DiskFile, on_disk_thread
from pixiecore_core.files.freshness import Validators
from pixiecore_core.files.local import LocalFile
from pixiecore_core.files.part import Part
from pixiecore_core.files.signers import Signer, folder_of, run
from pixiecore_core.files.signing_key import SigningKey
from pixiecore_core.files.store import Entry, Store
from pixiecore_core.models import BootFile

SCHEME = "signed:"
"""Before what a signed file is known by in the cache, where a download has its URL; no URL of a download begins so."""
_PIECE = 1 << 20
_ROOM = 64 << 10
"""More bytes than any signature has."""
_AT_ONCE = 2
"""Each keeps a disk and a processor busy, and maps a whole file."""
_WAITING = 128
"""Contents that wait for their turn: each holds files open, also for a client that has gone."""
_PATIENCE = 20.0
"""Seconds that a client waits; EDK2 repeats a TFTP request for longer, and takes "later" for "never"."""
_ASK_AGAIN_SECONDS = 2


@dataclass(slots=True)
class Signing:
    """The one that signs.

    :param store: where signed files are kept
    :param key: signs
    :param signer: the program that does it
    """

    store: Store
    key: SigningKey
    signer: Signer
    _making: dict[str, AsyncResult[Entry]] = field(default_factory=dict)
    _waiting: int = 0
    _turns: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(_AT_ONCE))

    def sign(self, image: BootFile) -> BootFile:
        """*image*, which is ours to close, with a signature.

        :raises BootFileNotReady: it takes long
        :raises BootFileError: it cannot be read, kept or signed
        """
        try:
            name = self._name(image.etag) if image.etag else ""
            entry = on_disk_thread(self.store.find, name) if name else None
        except BaseException:
            image.source.close()
            raise
        kept = self._opened(entry, image.name) if entry is not None else None
        if kept is not None:
            image.source.close()
            return kept
        made = self._opened(self._made_together(name, image), image.name)
        if made is None:
            raise BootFileError(f"the cache is too small to keep {image.name} while it is sent; see --cache-size")
        return made

    def prove(self, program: Path) -> None:
        """Sign an EFI program and forget it, to see that it can be done. Blocks: for the start of the server.

        :raises BootFileError: it cannot
        """
        descriptor = os.open(program, os.O_RDONLY | os.O_CLOEXEC)
        try:
            part = self.store.begin(0)
            try:
                name = secrets.token_hex(16)
                try:
                    self._run(descriptor, part, name)
                finally:
                    (part.path.parent / name).unlink(missing_ok=True)
            finally:
                self._drop(part)
        except OSError as error:
            raise BootFileError(f"the cache cannot take a signed file: {error.strerror or error}") from error
        finally:
            os.close(descriptor)

    def _name(self, of: str) -> str:
        """What the signed form of a content is known by.

        :param of: identifies the content
        """
        return SCHEME + sha256(f"{of} {self.key.identity} {self.signer.program}".encode()).hexdigest()

    def _made_together(self, name: str, image: BootFile) -> Entry:
        """Have it made once for all that ask at the same time; the image is closed then.

        In a greenlet of its own, so that a client that goes away does not take the others' file along.
        """
        making = self._making.get(name)
        if making is None:
            if self._waiting >= _WAITING:
                image.source.close()
                raise BootFileNotReady(f"{image.name} has to wait: too many are being signed", _ASK_AGAIN_SECONDS)
            making = AsyncResult()
            if name:
                self._making[name] = making
            self._waiting += 1
            gevent.spawn(self._make, name, image, making)
        else:
            image.source.close()
        try:
            entry = making.get(timeout=_PATIENCE)
        except gevent.Timeout:
            raise BootFileNotReady(f"{image.name} is still being signed", _ASK_AGAIN_SECONDS) from None
        assert entry is not None, "it is set to one"
        return entry

    def _make(self, name: str, image: BootFile, making: AsyncResult[Entry]) -> None:
        try:
            with self._turns:
                making.set(self._signed(name, image))
        except OSError as error:
            reason = f"the cache cannot take a signed {image.name}: {error.strerror or error}; see --cache-size"
            making.set_exception(BootFileError(reason))
        except Exception as error:
            making.set_exception(error)
        finally:
            self._waiting -= 1
            self._making.pop(name, None)
            image.source.close()

    def _signed(self, name: str, image: BootFile) -> Entry:
        plain = on_disk_thread(self.store.begin, image.size)
        try:
            while plain.size < image.size:
                data = image.source.read_at(plain.size, min(_PIECE, image.size - plain.size))
                if not data:
                    raise BootFileError(f"{image.name} is shorter than it was when it was opened")
                on_disk_thread(plain.write, data)
            # Where a part promises nothing about its bytes, they themselves say which content it is.
            name = name or self._name(plain.sha256())
            signed = on_disk_thread(self.store.begin, image.size + _ROOM)
            try:
                return self._into(signed, plain, name)
            finally:
                on_disk_thread(self._drop, signed)
        finally:
            on_disk_thread(self._drop, plain)

    def _into(self, signed: Part, plain: Part, name: str) -> Entry:
        made = secrets.token_hex(16)  # as parts are called: what a killed process leaves is swept up with them
        try:
            self._run(plain.descriptor, signed, made)
            on_disk_thread(_copy, signed.path.parent / made, signed)
        finally:
            on_disk_thread((signed.path.parent / made).unlink, missing_ok=True)
        return on_disk_thread(self.store.commit, signed, name, Validators(), time.time(), 0.0)

    def _run(self, source: int, beside: Part, name: str) -> None:
        folder = folder_of(beside.path)
        try:
            run(self.signer, self.key, source, folder, name)
        finally:
            os.close(folder)

    def _drop(self, part: Part) -> None:
        self.store.end(part)
        os.close(part.descriptor)

    def _opened(self, entry: Entry, name: str) -> BootFile | None:
        try:
            file = DiskFile(on_disk_thread(self.store.open, entry))
        except OSError:
            return None
        source = LocalFile(f"the signed {name}", file, os.fstat(file.descriptor))
        return BootFile(name=name, size=entry.size, etag=f'"{entry.sha256[:32]}"', source=source)


def _copy(path: Path, part: Part) -> None:
    with path.open("rb") as file:
        while data := file.read(_PIECE):
            part.write(data)

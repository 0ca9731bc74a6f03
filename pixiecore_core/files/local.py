"""Boot files on this host's disks.

A file is opened once for each transfer and read through that descriptor, so one that is replaced keeps its old bytes,
and one that is changed in place or cut short ends the transfer with an error, never with a mixed file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections import OrderedDict

from pixiecore_core.errors import BootFileError, BootFileNotFound
from pixiecore_core.files.disk import DiskFile, on_disk_thread
from pixiecore_core.models import BootFile

_DIGESTS_KEPT = 1000
_digests: OrderedDict[tuple[int, ...], str] = OrderedDict()
"""The sha256 of files by device, inode, size and time of change: to hash an image takes a second."""


class LocalFile:
    """A byte source over an open regular file."""

    def __init__(self, path: str, file: DiskFile, status: os.stat_result) -> None:
        self._path = path
        self._file = file
        self._size = status.st_size
        self._changed = _version(status)

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to *length* bytes from *offset*.

        :raises BootFileError: the file was shortened, changed or cannot be read
        """
        wanted = max(0, min(length, self._size - offset))
        if not wanted:
            return b""
        try:
            data = self._file.read(offset, wanted)
        except OSError as error:
            raise BootFileError(f"{self._path}: {error.strerror}") from error
        self._check(offset + wanted, len(data) == wanted)
        return data

    def send_to(self, connection: int, offset: int, length: int, patience: float) -> int:
        """See :meth:`pixiecore_core.files.disk.DiskFile.send_to`.

        :raises BootFileError: as :meth:`read_at`
        :raises OSError: the connection is lost, or the other side does not read
        """
        try:
            return self._file.send_to(connection, offset, length, patience, self._check)
        except OSError as error:
            if error.errno == errno.EIO:
                raise BootFileError(f"{self._path}: {error.strerror}") from error
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _check(self, end: int, complete: bool) -> None:
        """Check that the file is still the one that was opened, before bytes go out and after: a client that got mixed
        bytes must not get the last of them, and a client may ask for any part.
        """
        if not complete or _version(os.fstat(self._file.descriptor)) != self._changed:
            raise BootFileError(f"{self._path} changed while it was being sent")


def open_local(path: str, root: str | None = None, sha256: str | None = None) -> BootFile:
    """Open the regular file at *path*.

    :param root: folder that it must be in, wherever symbolic links lead
    :param sha256: what its bytes must hash to, in lower-case hex
    :raises BootFileNotFound: there is none, it is a folder, or it is outside of *root*
    :raises BootFileError: it cannot be opened, is a device or a pipe, or has other bytes
    """
    try:
        # O_NONBLOCK, so that a named pipe cannot hold us up before we see what it is.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BootFileNotFound(f"{path} does not exist") from error
    except OSError as error:
        raise BootFileError(f"{path}: {error.strerror}") from error
    file = DiskFile(descriptor)
    try:
        # Asked of the open file, so that no link can be exchanged between the check and the use.
        if root is not None and not _is_below(os.readlink(f"/proc/self/fd/{descriptor}"), root):
            raise BootFileNotFound(f"{path} is not below {root}")
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise BootFileNotFound(f"{path} is a folder, not a file")
        if not stat.S_ISREG(status.st_mode):
            raise BootFileError(f"{path} is not a regular file")
        if sha256 is not None and (found := digest_of(path, file, status)) != sha256:
            raise BootFileError(f"{path} has sha256 {found}, not {sha256}")
    except BaseException:
        file.close()
        raise
    return BootFile(
        name=os.path.basename(path),
        size=status.st_size,
        etag=f'"{status.st_dev:x}-{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"',
        source=LocalFile(path, file, status),
    )


def digest_of(path: str, file: DiskFile, status: os.stat_result) -> str:
    """The sha256 of an open file, in hex; remembered until the file changes.

    :raises BootFileError: it cannot be read
    """
    key = (status.st_dev, status.st_ino, *_version(status))
    digest = _digests.get(key)
    if digest is None:
        try:
            digest = on_disk_thread(_digest, file.descriptor)
        except OSError as error:
            raise BootFileError(f"{path}: {error.strerror}") from error
        _digests[key] = digest
        if len(_digests) > _DIGESTS_KEPT:
            _digests.popitem(last=False)
    return digest


def _digest(descriptor: int) -> str:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_below(path: str, root: str) -> bool:
    real = os.path.realpath(root)
    return os.path.commonpath([path, real]) == real


def _version(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_size

"""Whose a file or folder is, and as whom we touch it: only we and root may have a say in what we read and write.

What is checked is what was opened, never a name that may mean something else a moment later. Decides nothing about
settings, and knows no formats.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
from collections.abc import Callable, Collection
from pathlib import Path

from pixiecore_core.identity import DAC_READ_SEARCH, become

SERVICE_USER = "pixiecore"
"""The user that a server started by root becomes, where there is one of this name."""
SERVICE_STATE, SERVICE_CACHE = Path("/var/lib/pixiecore"), Path("/var/cache/pixiecore")

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class NotOurs(PermissionError):
    """Others have a say in a file or folder; the message says who, and what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EPERM, reason)

    def __str__(self) -> str:
        return str(self.strerror)


def service_user() -> pwd.struct_passwd | None:
    """The user named :data:`SERVICE_USER`, if there is one."""
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return None


def user_name(uid: int) -> str:
    """What the system calls a user."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def account(uid: int) -> str:
    """A user as commands take it: the name, or the number of one that has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def open_folder(path: Path, sticky: bool = False) -> int:
    """A descriptor of the folder *path*, only to reach what is in it; the caller's to close.

    :param sticky: whether it may be one such as ``/tmp``, where others can add names but not change ours: for callers
        that check what is in it, too
    :raises NotOurs: it belongs to another user than us and root, or others can write to it
    :raises OSError: it is missing, or is no folder
    """
    _check_link(path, (0, os.geteuid()))
    descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if status.st_uid not in (0, os.geteuid()):
            owner, us = user_name(status.st_uid), user_name(os.geteuid())
            raise NotOurs(
                f"the folder {path} belongs to {owner}, who could put anything there, and we are {us}: name another, "
                f"run as {owner}, or: chown -R {account(os.geteuid())}: {path}"
            )
        is_sticky = bool(status.st_mode & stat.S_ISVTX)
        if status.st_mode & _OTHERS_WRITE and not (sticky and is_sticky):
            mend = "" if is_sticky else f"chmod go-w {path}, or "
            raise NotOurs(f"other users can write to the folder {path}: {mend}name a new folder in it")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def check_folder(path: Path) -> None:
    """See that nobody else has a say in the folder *path*.

    :raises OSError: as :func:`open_folder`
    """
    os.close(open_folder(path))


def check_file(path: Path) -> None:
    """The same for a file that something else opens, in a folder that :func:`check_folder` has passed; or for none.

    :raises NotOurs: it belongs to another user than us and root, or is a link of such a one
    """
    _check_link(path, (0, os.geteuid()))
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    _check_owner(path, status, (0, os.geteuid()))


def read_secret(path: Path, most: int, warn: Callable[[str], None], also: Collection[int] = ()) -> bytes:
    """What a file holds that only we should know.

    :param most: bytes to read
    :param warn: told if other users can read the file
    :param also: users whose file it may be, besides us and root
    :raises NotOurs: it belongs to somebody else, or others can write to it
    :raises OSError: it cannot be read, or is not a regular file
    """
    trusted = (0, os.geteuid(), *also)
    # The links by which a Kubernetes secret is mounted are root's.
    _check_link(path, trusted)
    # A FIFO would have us wait until something is written.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        _check_owner(path, status, trusted)
        if status.st_mode & _OTHERS_WRITE:
            raise NotOurs(f"other users can write to {path}: chmod 600 {path}")
        if status.st_mode & stat.S_IROTH:
            warn(f"Every user of this host can read {path}: chmod 600 {path}")
        return os.read(descriptor, most)
    finally:
        os.close(descriptor)


def become_owner(folder: Path) -> None:
    """For a command that root runs: be the owner of *folder* from now on, so that no link of that user leads us
    anywhere, and nothing that we leave there is root's. The service's folders are made where they are missing.

    :raises OSError: the system refuses
    """
    if os.geteuid() != 0:
        return
    service = service_user()
    if service is not None and folder in (SERVICE_STATE, SERVICE_CACHE) and not os.path.lexists(folder):
        make_folder(folder, service.pw_uid, service.pw_gid)
    try:
        status = folder.stat()
    except OSError:
        return  # we are about to make it, or to say that it is missing
    if status.st_uid != 0:
        gid, groups = _groups_of(status.st_uid, status.st_gid)
        # Below /var/lib/private, where systemd keeps the folders of a DynamicUser=, only root finds the way.
        keeping = () if _finds(folder, status.st_uid) else (DAC_READ_SEARCH,)
        become(status.st_uid, gid, groups, keeping)


def make_folder(folder: Path, uid: int, gid: int) -> None:
    """As root, make a folder for a user, where it is missing; an empty one of root's becomes the user's.

    :raises NotOurs: it is there, and is not the user's
    :raises OSError: it cannot be made
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if folder.is_symlink():
            if folder.lstat().st_uid == 0:
                return  # root's own: where systemd keeps the folder of a DynamicUser=, or another disk
            raise NotOurs(f"{folder} is a symbolic link, and must be a folder") from None
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        owner = os.fstat(descriptor).st_uid
        if owner == uid:
            return
        if owner != 0 or os.listdir(descriptor):
            name = user_name(uid)
            raise NotOurs(
                f"the folder {folder} belongs to {user_name(owner)}, and the server runs as {name}: "
                f"chown -R {account(uid)}: {folder}"
            )
        os.fchown(descriptor, uid, gid)
    finally:
        os.close(descriptor)


def _finds(folder: Path, uid: int) -> bool:
    os.seteuid(uid)
    try:
        return folder.exists()
    except PermissionError:
        return False
    finally:
        os.seteuid(0)


def _groups_of(uid: int, gid: int) -> tuple[int, list[int]]:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return gid, []
    return entry.pw_gid, os.getgrouplist(entry.pw_name, entry.pw_gid)


def _check_link(path: Path, trusted: Collection[int]) -> None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(status.st_mode) and status.st_uid not in trusted:
        raise NotOurs(f"{path} is a symbolic link that {user_name(status.st_uid)} made: name what it should lead to")


def _check_owner(path: Path, status: os.stat_result, trusted: Collection[int]) -> None:
    if status.st_uid not in trusted:
        owner, us = user_name(status.st_uid), user_name(os.geteuid())
        raise NotOurs(f"{path} belongs to {owner}, and we are {us}: chown {us} {path}, if it is what you want")

"""The system calls by which a process becomes another user, and gives up what the kernel lets it do. Linux.

Capabilities are each thread's own, so they are given up before there are others. Decides nothing.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Collection

DAC_READ_SEARCH = 2  # <linux/capability.h>, as is the next
_VERSION_3 = 0x20080522
_PR_SET_KEEPCAPS, _PR_SET_NO_NEW_PRIVS, _PR_GET_NO_NEW_PRIVS = 8, 38, 39  # <linux/prctl.h>
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_libc = ctypes.CDLL(None, use_errno=True)


def become(uid: int, gid: int, groups: Collection[int], keeping: Collection[int] = ()) -> None:
    """Be this user from now on, in all threads, with no way back.

    :param keeping: capabilities that are kept, all the same
    :raises OSError: the system refuses, or there is a way back
    """
    os.setgroups(list(groups))
    os.setresgid(gid, gid, gid)
    if keeping:
        _prctl(_PR_SET_KEEPCAPS, 1)
    os.setresuid(uid, uid, uid)
    keep_capabilities(keeping)
    try:
        os.setresuid(0, 0, 0)
    except PermissionError:
        return
    raise OSError(errno.EPERM, "root could be had back")


def keep_capabilities(kept: Collection[int] = ()) -> None:
    """Give up all capabilities but these, however we came by them: as root, by a unit file, setcap or a container.

    :raises OSError: the system refuses, or we have not got one
    """
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    low = sum(1 << number for number in kept)
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)(low, low)))
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)


def use_permitted() -> None:
    """Make use of the capabilities that we may have and have not taken up: ``setcap …+p`` grants them so.

    :raises OSError: the system refuses
    """
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    # Effective, permitted and inheritable, for the numbers below 32; then the same for those above.
    held = (ctypes.c_uint32 * 6)()
    _checked(_libc.capget(header, held))
    held[0], held[3] = held[1], held[4]
    _checked(_libc.capset(header, held))


def get_no_new_privileges() -> None:
    """From now on, no program that we run gets more than we have: not by setuid, not by file capabilities.

    :raises OSError: the system refuses
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def has_no_new_privileges() -> bool:
    """Whether programs that we run get no more than we have, so that no file's capabilities count."""
    return bool(_libc.prctl(_PR_GET_NO_NEW_PRIVS, *(ctypes.c_ulong(0) for _ in range(4))) == 1)


def _prctl(option: int, argument: int) -> None:
    _checked(_libc.prctl(option, *(ctypes.c_ulong(number) for number in (argument, 0, 0, 0))))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

"""Gives up what is not needed once the ports are open: root, capabilities, the right to get more. There is no way back.

To be called before anything starts a thread: the kernel keeps capabilities for each thread apart. Linux.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable

from pixiecore_core.errors import ConfigError, StartError
from pixiecore_core.hosting.accounts import Account
from pixiecore_core.ownership import become

# <linux/prctl.h>
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522  # <linux/capability.h>
_libc = ctypes.CDLL(None, use_errno=True)


def give_up(account: Account | None) -> None:
    """Become *account*, or stay who we are; without any capability, unless we are root and stay it.

    :raises StartError: the system refuses
    """
    try:
        if account is not None:
            become(account.uid, account.gid, account.groups)
        if os.geteuid() != 0:
            _drop_capabilities()
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    except OSError as error:
        who = f"user {account.name} (--user) cannot be become" if account else "capabilities cannot be given up"
        raise StartError(f"{who}: {error.strerror}") from error


def check_program(account: Account, files: Iterable[str | None]) -> None:
    """See that we, being *account* now, can read our own program: much of it is loaded only when it is needed.

    :param files: those of plugins
    :raises ConfigError: it cannot be read
    """
    for path in (os.__file__, __file__, sys.executable, *files):
        if path is not None and not os.access(path, os.R_OK):
            raise ConfigError(
                "--user",
                f"user {account.name} cannot read the program itself, {path}: install it where everyone may, such as "
                "/opt/pixiecore, or keep root: --user root",
            )


def _drop_capabilities() -> None:
    """Permitted, effective, inheritable and ambient ones, however we came by them: a unit file, setcap, a container."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)()))
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)


def _prctl(option: int, argument: int) -> None:
    numbers = [ctypes.c_ulong(number) for number in (argument, 0, 0, 0)]
    _checked(_libc.prctl(option, *numbers))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

"""Gives up what is not needed once the ports are open: root, capabilities, the right to get more. There is no way back.

To be called before anything starts a thread: capabilities are each thread's own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from pixiecore_core.errors import ConfigError, StartError
from pixiecore_core.hosting.accounts import Account
from pixiecore_core.identity import become, get_no_new_privileges, keep_capabilities


def give_up(account: Account | None) -> None:
    """Become *account*, or stay who we are; without any capability, unless we are root and stay it.

    :raises StartError: the system refuses
    """
    try:
        if account is not None:
            become(account.uid, account.gid, account.groups)
        elif os.geteuid() != 0:
            keep_capabilities()
        get_no_new_privileges()
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

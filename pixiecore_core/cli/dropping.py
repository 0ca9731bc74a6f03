"""Starts in two halves: what only root may do, then the rest as the user that the server has for itself.

Settings are settled in both, so that a file which that user cannot read is a mistake told at the start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from pixiecore_core.boot.tokens import Sealer
from pixiecore_core.cli.file_plane import open_sealer
from pixiecore_core.cli.stack import Platform
from pixiecore_core.errors import ConfigError
from pixiecore_core.files.signing_key import SigningKey, read_signing_key
from pixiecore_core.files.token_file import read_token
from pixiecore_core.hosting.accounts import Account, make_folders
from pixiecore_core.hosting.privileges import check_program, give_up
from pixiecore_core.settings.mistakes import together
from pixiecore_core.settings.server import ServerSettings

T = TypeVar("T")
Warn = Callable[[str], None]
_DENIED = ("Permission denied", "Operation not permitted", "unable to open database file", "readonly database")
"""How the system and SQLite put it."""


@dataclass
class Secrets:
    """What is read once, by root where only root can: the key that seals URLs, the status page's token, and the
    key that signs for Secure Boot.
    """

    sealer: Sealer | None = None
    token: bytes | None = None
    signing_key: SigningKey | None = None

    def read(self, settings: ServerSettings, warn: Warn, before: Account | None = None) -> None:
        """Read what was named and has not been read yet.

        :param before: the user that we are going to be: what lies in a folder of its own is its own to open
        :raises ConfigError: a file cannot be used
        """
        also = [before.uid] if before else []
        ready = partial(_is_ready, before=before)
        if self.sealer is None and ready(settings.key_file):
            self.sealer = open_sealer(settings, warn, also)
        path = settings.status_token_file if settings.status != "off" else None
        if self.token is None and path is not None and ready(path):
            self.token = read_token("--status-token-file", path, warn, also)
        pair = settings.secureboot_key, settings.secureboot_cert
        if self.signing_key is None and all(one is None or ready(one) for one in pair):
            self.signing_key = read_signing_key(*pair, warn, also)


def become_server(account: Account | None, platform: Platform, settings: ServerSettings | None = None) -> None:
    """Be *account*, if there is one, and give up every privilege.

    :param settings: say whether there is a cache
    :raises StartError: the system refuses, or the state of a server that was root is still root's
    :raises ConfigError: the account cannot read the program
    """
    if account is not None:
        cache = settings is not None and not settings.no_cache and settings.cache_dir is None
        make_folders(account, cache=cache)
    give_up(account)
    if account is not None:
        check_program(account, [getattr(plugin.module, "__file__", None) for plugin in platform.plugins])


def settled_again(account: Account | None, settle: Callable[[], T], first: T) -> T:
    """What *settle* gives to *account*, where that is another than who got *first*.

    :raises ConfigError: the account cannot use what was named
    """
    if account is None:
        return first
    with told_as(account, always=True):
        return settle()


@contextmanager
def told_as(account: Account | None, always: bool = False) -> Iterator[None]:
    """While inside, a mistake that comes from being *account* is told with what to do about it.

    :param always: whether there can be no other cause: as root all was well
    """
    try:
        yield
    except ConfigError as error:
        if account is None:
            raise
        mend = f"the server runs as user {account.name}: chown, chmod or move it, or keep root: --user root"

        def told(one: ConfigError) -> ConfigError:
            is_denied = always or any(words in str(one) for words in _DENIED)
            return ConfigError(one.option, f"{one.reason}; {mend}") if is_denied else one

        raise together([told(one) for one in getattr(error, "mistakes", (error,))]) from error


def _is_ready(path: Path | None, before: Account | None) -> bool:
    if path is None or before is None:
        return path is not None
    try:
        return path.parent.stat().st_uid != before.uid
    except OSError:
        return True

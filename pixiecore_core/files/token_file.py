"""A token in a file, which whoever wants to see a page must send. Reads it; compares nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path

from pixiecore_core.errors import ConfigError
from pixiecore_core.ownership import read_secret

SHORTEST = 16
"""Characters: fewer can be guessed over a network."""
_LONGEST = 4096
_TOKEN = re.compile(rb"[\x21-\x7e]*")


def read_token(option: str, path: Path, warn: Callable[[str], None], also: Collection[int] = ()) -> bytes:
    """The token in *path*: one word of printable ASCII.

    :param option: what names the file, for messages; they never say what the file holds
    :param warn: told if other users can read the file
    :param also: users whose file it may be, besides us and root
    :raises ConfigError: it cannot be read, is another user's, or holds no such word
    """
    try:
        token = read_secret(path, _LONGEST + 1, warn, also).strip()
    except OSError as error:
        raise ConfigError(option, f"{path} cannot be read: {error.strerror}") from error
    if len(token) > _LONGEST or not _TOKEN.fullmatch(token):
        raise ConfigError(option, f"{path} does not hold a token: one word of printable ASCII")
    if len(token) < SHORTEST:
        raise ConfigError(
            option, f"{path} holds a token of {len(token)} characters, and {SHORTEST} are needed: openssl rand -hex 16"
        )
    return token

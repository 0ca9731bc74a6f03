"""A token in a file, which whoever wants to see a page must send. Reads it; compares nothing."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from pixiecore_core.errors import ConfigError

SHORTEST = 16
"""Characters: fewer can be guessed over a network."""
_LONGEST = 4096
_TOKEN = re.compile(rb"[\x21-\x7e]*")


def read_token(option: str, path: Path, warn: Callable[[str], None]) -> bytes:
    """The token in *path*: one word of printable ASCII.

    :param option: what names the file, for messages; they never say what the file holds
    :param warn: told if other users can read the file
    :raises ConfigError: it cannot be read, or holds no such word
    """
    try:
        # A FIFO would have us wait until something is written.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            token = (file.read(_LONGEST + 1) or b"").strip()
    except OSError as error:
        raise ConfigError(option, f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode) or len(token) > _LONGEST or not _TOKEN.fullmatch(token):
        raise ConfigError(option, f"{path} does not hold a token: one word of printable ASCII")
    if len(token) < SHORTEST:
        raise ConfigError(
            option, f"{path} holds a token of {len(token)} characters, and {SHORTEST} are needed: openssl rand -hex 16"
        )
    if status.st_mode & stat.S_IROTH:
        warn(f"Every user of this host can read the token in {path}: chmod o= {path}")
    return token

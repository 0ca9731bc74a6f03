"""The key that seals URLs, in a file: so that a machine in the middle of its boot survives our restart, and that one
instance can serve what another has promised. Reads and creates; what is done with the key is up to boot/tokens.py.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection
from pathlib import Path

from pixiecore_core.errors import ConfigError
from pixiecore_core.ownership import open_folder, read_secret

OPTION = "--key-file"
_LONGEST = 4096


def read_or_create_key(
    path: Path, length: int, warn: Callable[[str], None] = lambda text: None, also: Collection[int] = ()
) -> bytes:
    """The key in *path*, as hex digits; a new one, readable by its owner alone, where there is no such file.

    :param length: bytes of the key
    :param warn: told if other users can read it
    :param also: users whose file it may be, besides us and root
    :raises ConfigError: the file cannot be read or created, is another user's, or holds no such key
    """
    try:
        text = read_secret(path, _LONGEST, warn, also)
    except FileNotFoundError:
        text = _create(path, secrets.token_hex(length).encode())
    except OSError as error:
        raise ConfigError(OPTION, f"{path} cannot be read: {error.strerror}") from error
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != length:
        raise ConfigError(
            OPTION, f"{path} does not hold a key: expected {2 * length} hex digits; remove it for a new one"
        )
    return key


def _create(path: Path, text: bytes) -> bytes:
    new = f".{path.name}.{secrets.token_hex(8)}"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = open_folder(path.parent, sticky=True)
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(text + b"\n")
                # Never half written, and the first of two instances that start at the same time wins.
                os.link(new, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            except FileExistsError:
                text = read_secret(path, _LONGEST, lambda text: None)
            finally:
                os.unlink(new, dir_fd=folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigError(OPTION, f"{path} cannot be created: {error.strerror}") from error
    return text

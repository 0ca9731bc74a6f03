"""The key that seals URLs, in a file: so that a machine in the middle of its boot survives our restart, and that one
instance can serve what another has promised. Reads and creates; what is done with the key is boot/tokens.py's business.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from pixiecore_core.errors import ConfigError

OPTION = "--key-file"


def read_or_create_key(path: Path, length: int) -> bytes:
    """The key in *path*, as hex digits; a new one, readable by its owner alone, where there is no such file.

    :param length: bytes of the key
    :raises ConfigError: the file cannot be read or created, or holds no such key
    """
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        text = _create(path, secrets.token_hex(length))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(OPTION, f"{path} cannot be read: {error}") from error
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != length:
        raise ConfigError(
            OPTION, f"{path} does not hold a key: expected {2 * length} hex digits; remove it for a new one"
        )
    return key


def _create(path: Path, text: str) -> str:
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text + "\n")
            # Never half written, and the first of two instances that start at the same time wins.
            os.link(new, path)
        except FileExistsError:
            text = path.read_text(encoding="ascii")
        finally:
            new.unlink()
    except OSError as error:
        raise ConfigError(OPTION, f"{path} cannot be created: {error.strerror}") from error
    return text

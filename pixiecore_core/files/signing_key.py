"""The key that signs EFI programs for Secure Boot, and its certificate: read once, as root where only root can, and
seen to belong together. Signs nothing.

The key stays in memory, because the server gives root up after it is read (decision 0012). OpenSSL, by the standard
library's ``ssl``, says whether the two are a pair: no program and no package is needed for that.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from pixiecore_core.errors import ConfigError
from pixiecore_core.ownership import read_secret

KEY_OPTION, CERTIFICATE_OPTION = "--secureboot-key", "--secureboot-cert"
_LONGEST = 1 << 16


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its certificate, as PEM."""

    key: bytes = field(repr=False)
    certificate: bytes

    @property
    def identity(self) -> str:
        """Tells it from other keys; no secret."""
        return sha256(self.certificate).hexdigest()


def read_signing_key(
    key: Path | None, certificate: Path | None, warn: Callable[[str], None], also: Collection[int] = ()
) -> SigningKey | None:
    """The pair in two PEM files; ``None`` where neither is named.

    :param warn: told if other users can read the key
    :param also: users whose files they may be, besides us and root
    :raises ConfigError: only one is named, one cannot be read, or they are no pair
    """
    if key is None and certificate is None:
        return None
    if key is None:
        raise ConfigError(CERTIFICATE_OPTION, f"is of no use alone; give {KEY_OPTION} too")
    if certificate is None:
        raise ConfigError(KEY_OPTION, f"is of no use alone; give {CERTIFICATE_OPTION} too")
    pair = SigningKey(
        _read(KEY_OPTION, key, warn, also),
        # Anybody may read a certificate, but who could write to it could have us serve what no machine starts.
        _read(CERTIFICATE_OPTION, certificate, lambda text: None, also),
    )
    _check(pair, key, certificate)
    return pair


@contextmanager
def in_memory(*contents: bytes) -> Iterator[list[int]]:
    """Descriptors of files that hold *contents* and have no name on any disk, for as long as a program needs them."""
    descriptors: list[int] = []
    try:
        for content in contents:
            descriptors.append(os.memfd_create("pem", os.MFD_CLOEXEC))
            os.write(descriptors[-1], content)
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _read(option: str, path: Path, warn: Callable[[str], None], also: Collection[int]) -> bytes:
    try:
        return read_secret(path, _LONGEST, warn, also)
    except OSError as error:
        raise ConfigError(option, f"{path} cannot be read: {error.strerror}") from error


def _check(pair: SigningKey, key: Path, certificate: Path) -> None:
    """:raises ConfigError: they are no pair, or one is not what its option says"""
    if b"-----BEGIN CERTIFICATE-----" not in pair.certificate:
        raise ConfigError(CERTIFICATE_OPTION, f"{certificate} holds no certificate in PEM form")
    if b"PRIVATE KEY-----" not in pair.key:
        raise ConfigError(KEY_OPTION, f"{key} holds no private key in PEM form")
    asked: list[bool] = []

    def no_pass_phrase() -> str:
        asked.append(True)
        return ""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Whether a key is long enough for web servers is not the question here.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    try:
        with in_memory(pair.certificate, pair.key) as (certificate_file, key_file):
            context.load_cert_chain(f"/proc/self/fd/{certificate_file}", f"/proc/self/fd/{key_file}", no_pass_phrase)
    except ssl.SSLError as error:
        if asked:
            raise ConfigError(
                KEY_OPTION,
                f"{key} has a pass phrase, and nobody is there to type it; take it off: "
                f"openssl pkey -in {key} -out NEW, chmod 600 NEW",
            ) from error
        if error.reason in ("KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED"):  # the latter for one of another kind
            raise ConfigError(KEY_OPTION, f"{key} does not belong to the certificate in {certificate}") from error
        raise ConfigError(KEY_OPTION, f"{key} and {certificate} are no key and certificate: {error}") from error

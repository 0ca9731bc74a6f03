"""Seals a file reference, or where a machine asked from, into a token that only we can make and only we can read.

Without it the file server would be an open proxy and an open file server. A token is a NaCl secret box (XSalsa20 and
Poly1305) around JSON, in URL-safe base64: forged, cut or foreign ones fail as one. The same plain text gives the same
token, so that what is made of tokens can be the same twice (decision 0015). Reads no file.
"""

from __future__ import annotations

import base64
from hashlib import blake2b
from ipaddress import IPv4Address, IPv4Network

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from nacl.utils import random

from pixiecore_core.models import FileRef, MacAddress, Model, Purpose, normalise_mac

_LONGEST = 16384
"""Characters; no token of ours is nearly as long, and nothing longer is worth decoding."""


KEY_BYTES: int = SecretBox.KEY_SIZE


class Sealed(Model):
    """What a token vouches for: the file, and whose boot it belongs to."""

    ref: FileRef
    mac: MacAddress
    purpose: Purpose
    expires: int | None = None
    """Seconds since the epoch; ``None`` for never."""


class Origin(Model):
    """What DHCP said about a machine, for the instance that writes its script."""

    mac: MacAddress
    interface: str = ""
    subnet: IPv4Network | None = None
    relay: IPv4Address | None = None
    architecture: int | None = None
    """The code that it sent."""
    attempt: str = ""
    """The identifier of its boot attempt."""
    began: int = 0
    """When that began, in seconds since the epoch."""


class Sealer:
    """Seals and opens tokens with one key, fresh for each process unless given.

    :param key: :data:`KEY_BYTES` bytes; who has it can open what another instance sealed
    """

    def __init__(self, key: bytes | None = None) -> None:
        key = key if key is not None else random(SecretBox.KEY_SIZE)
        self._box = SecretBox(key)
        # A key for each use. A nonce that is a MAC of the plain text repeats only where that does (RFC 5297).
        self._nonce_key = blake2b(key=key, person=b"nonce of tokens", digest_size=32).digest()

    def seal(self, sealed: Sealed) -> str:
        """The token for *sealed*, the same each time."""
        return self._seal(sealed.model_dump_json(exclude_defaults=True).encode())

    def open(self, token: str, now: float) -> Sealed | None:
        """What *token* vouches for, or ``None`` for anything that this key did not seal, or that has expired.

        :param now: seconds since the epoch
        """
        try:
            sealed = Sealed.model_validate_json(self._open(token))
        except (CryptoError, ValueError):
            return None
        return None if sealed.expires is not None and sealed.expires < now else sealed

    def seal_page(self, mac: str, path: str, expires: int | None) -> str:
        """A token that says whose boot it is, for one page, and opens no file.

        :param expires: seconds since the epoch; ``None`` for never
        """
        return self._seal("\n".join(["page", mac, path, "" if expires is None else str(expires)]).encode())

    def open_page(self, token: str, path: str, now: float) -> str | None:
        """The MAC address in a token of :meth:`seal_page` for *path*, or ``None`` for anything else.

        :param now: seconds since the epoch
        """
        try:
            kind, mac, of, expires = self._open(token).decode().split("\n")
            if (kind, of) != ("page", path) or (expires and int(expires) < now):
                return None
            return normalise_mac(mac)
        except (CryptoError, ValueError):
            return None

    def seal_origin(self, origin: Origin) -> str:
        """A token that says where a machine asked from: short, since it is part of a URL in one DHCP option."""
        mac = origin.mac.replace(":", "")
        place = (origin.interface, origin.subnet, origin.relay)
        known = (mac, *place, origin.architecture, origin.attempt, origin.began)
        return self._seal("\n".join(["origin", *("" if value is None else str(value) for value in known)]).encode())

    def open_origin(self, token: str) -> Origin | None:
        """What a token of :meth:`seal_origin` says, or ``None`` for anything else."""
        try:
            kind, mac, interface, subnet, relay, architecture, attempt, began = self._open(token).decode().split("\n")
            if kind != "origin":
                return None
            return Origin(
                mac=bytes.fromhex(mac).hex(":"),
                interface=interface,
                subnet=IPv4Network(subnet) if subnet else None,
                relay=IPv4Address(relay) if relay else None,
                architecture=int(architecture) if architecture else None,
                attempt=attempt,
                began=int(began),
            )
        except (CryptoError, ValueError):
            return None

    def _seal(self, plain: bytes) -> str:
        nonce = blake2b(plain, key=self._nonce_key, digest_size=SecretBox.NONCE_SIZE).digest()
        return base64.urlsafe_b64encode(bytes(self._box.encrypt(plain, nonce))).decode().rstrip("=")

    def _open(self, token: str) -> bytes:
        if len(token) > _LONGEST:
            raise ValueError("no token of ours is that long")
        return self._box.decrypt(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))

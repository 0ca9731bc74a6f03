"""Where the bytes of a boot file are, and a file that has been opened. Opens nothing."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Annotated, Literal, Protocol, Self, runtime_checkable
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from pixiecore_core.models.base import Model

_PINNED = re.compile(r"^(?P<location>.+)#sha256=(?P<digest>[0-9a-fA-F]{64})$", re.DOTALL)

_ALMOST_PINNED = re.compile(r"#sha\d*=[^/#]*$", re.IGNORECASE)

_PLUGINS_OWN = re.compile(r"^(?!https?:)[a-z][a-z0-9-]+:(?!//)", re.IGNORECASE)

Digest = Annotated[str, AfterValidator(str.lower), Field(pattern=r"^[0-9a-fA-F]{64}$")]


class FileRef(Model):
    """Where the bytes of a boot file are: an absolute path on this host, an http(s) URL, or ``NAME:…``, which only a
    plugin's ``open_boot_file`` understands.

    Validated again wherever it becomes part of another value, so that one made past all checks goes no further.

    A location with a slash at its end, unless it is pinned, is a folder: its URL ends with a slash too, and what a
    client adds to that is a file in the folder. An http(s) URL with nothing added is still itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", revalidate_instances="always")

    location: str = Field(max_length=8192)
    sha256: Digest | None = Field(
        default=None, description="what the bytes must hash to, in hex; others are never served whole"
    )
    root: str | None = Field(
        default=None, description="folder that a local file must be in, wherever symbolic links lead"
    )

    @classmethod
    def from_text(cls, text: str) -> Self:
        """A path or URL as a person writes it, perhaps with ``#sha256=…`` after it.

        :raises ValueError: it is neither an absolute path nor an http(s) URL, or its pin is not one
        """
        if _PLUGINS_OWN.match(text):
            raise ValueError(f"{text!r} is neither an absolute path nor an http(s) URL")
        match = _PINNED.match(text)
        if match is None and _ALMOST_PINNED.search(text):
            raise ValueError(f"{text!r}: a pin is #sha256= and 64 hex digits")
        return cls(location=match["location"], sha256=match["digest"]) if match else cls(location=text)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.is_url:
            try:
                parts = urlsplit(self.location)
                usable = bool(parts.hostname) and parts.port != 0
            except ValueError:
                usable = False  # the library's own words name neither the URL nor what is wrong with it
            if not usable:
                raise ValueError(f"{self.location!r} is a URL without a usable host and port")
        elif "://" in self.location.partition("?")[0]:
            raise ValueError(f"{self.location!r}: only http and https URLs can be booted from")
        elif not _PLUGINS_OWN.match(self.location) and not self.is_on_disk:
            raise ValueError(f"{self.location!r} is neither an absolute path nor an http(s) URL")
        return self

    @property
    def is_url(self) -> bool:
        """Whether the bytes are fetched over HTTP and not read from a disk."""
        return self.location.lower().startswith(("http://", "https://"))

    @property
    def is_folder(self) -> bool:
        """Whether it means all files below it."""
        if self.is_url and ("?" in self.location or "#" in self.location):
            return False
        return self.location.endswith("/") and self.sha256 is None

    @property
    def is_on_disk(self) -> bool:
        """Whether the bytes are read from this host's disks."""
        return self.location.startswith("/")

    def inside(self, name: str) -> FileRef:
        """The file *name* in this folder; on this host, one that symbolic links do not lead out of it.

        :param name: a relative path, as a client has sent it
        :raises ValueError: this is not a folder, or *name* is not a path that stays inside
        """
        parts = name.split("/")
        if not self.is_folder or not name.isprintable() or any(part in ("", ".", "..") for part in parts):
            raise ValueError(f"{name!r} is not a file in a folder")
        if self.is_url:
            return FileRef(location=self.location + quote(name))
        root = (self.root or self.location) if self.is_on_disk else None
        return FileRef(location=self.location + name, root=root)

    @property
    def name(self) -> str:
        """The last part of the location, for people to read."""
        path = urlsplit(self.location).path if self.is_url else self.location
        return PurePosixPath(path).name or self.location


Purpose = Literal["kernel", "initrd", "file"]
"""What a boot file is for."""


class UrlFor(Protocol):
    """Seals file references into URLs for one machine's boot; there is no other way to the files."""

    def __call__(self, ref: FileRef, purpose: Purpose = "file") -> str:
        """The URL that this server will answer with *ref*; *purpose* is what its timeline calls the download."""

    def booting(self) -> str:
        """The URL that a script fetches to say that everything is loaded."""

    def report(self, step: str) -> str:
        """The URL by which the booted system reports a step, which is then in its machine's timeline."""

    def syslog(self, words: str) -> str:
        """*words*, with HOST and PORT replaced by where this server takes syslog; empty where it takes none."""

    def page(self, path: str) -> str:
        """The URL of a plugin's own page (see ``register_routes``), which will know for sure whose boot it is."""


@runtime_checkable
class ByteSource(Protocol):
    """Random access to a boot file's bytes."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Between one and *length* bytes from *offset*; none only at the end of the file.

        May give fewer than asked for, and may wait for a disk or an upstream
        server, never blocking the event loop.

        :raises BootFileError: the bytes cannot be read, or are no longer those that were promised
        """

    def close(self) -> None:
        """Free what is held open. Called exactly once, even after an error."""


class BootFile(Model):
    """An opened boot file: what a plugin hands back for the core to serve."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str = Field(description="for people, and for the content type")
    size: int = Field(ge=0, description="bytes; always known, since firmware and iPXE need a Content-Length")
    etag: str = Field(
        default="",
        pattern=r"^[\x20-\x7e]{0,200}$",
        description="changes whenever the bytes do; empty where nothing can be promised",
    )
    source: ByteSource

    @classmethod
    def from_bytes(cls, name: str, data: bytes) -> Self:
        """A file that is made up in memory, such as a rendered template."""
        return cls(name=name, size=len(data), etag=f'"{sha256(data).hexdigest()[:32]}"', source=_Bytes(data))


class _Bytes:
    """A byte source over bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read_at(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]

    def close(self) -> None:
        """Nothing to free; a plugin may hand out the same file again."""

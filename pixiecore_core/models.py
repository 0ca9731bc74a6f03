"""The nouns that cross hooks: what a machine is, what it asked, what it shall boot, and what happened.

Frozen pydantic models, so that a plugin's mistake is an error at the hook and not a malformed packet later.
Holds no behaviour beyond validation; imports nothing of the project but the architecture table.
"""

from __future__ import annotations

import re
import time
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network
from pathlib import PurePosixPath
from typing import Annotated, Literal, Protocol, Self, runtime_checkable
from urllib.parse import quote, urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pixiecore_core.architectures import Architecture

_MAC = re.compile(r"^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$")


@lru_cache(maxsize=4096)
def normalise_mac(text: str) -> str:
    """*text* as lower-case hex pairs joined by colons, the form in which Pixiecore's API spells a MAC address.

    :raises ValueError: it is not six hex pairs joined by colons or dashes
    """
    lowered = text.strip().lower()
    if not _MAC.match(lowered):
        raise ValueError(f"{text!r} is not a MAC address such as 52:54:00:12:34:56")
    return lowered.replace("-", ":")


MacAddress = Annotated[str, AfterValidator(normalise_mac)]


class Model(BaseModel):
    """Base of every value that crosses a hook: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Firmware(StrEnum):
    """Which first-stage boot file a client needs; the value is also a directory name in boot-file paths."""

    BIOS = "bios"
    """A BIOS PXE ROM: iPXE that drives the card through the ROM's UNDI (undionly.kpxe)."""
    BIOS_IPXE = "bios-ipxe"
    """An iPXE ROM on BIOS that lacks HTTP: iPXE with drivers of its own (ipxe.pxe), since UNDI is gone by then."""
    EFI_IA32 = "efi-ia32"
    EFI_X64 = "efi-x64"
    EFI_ARM64 = "efi-arm64"


class Client(StrEnum):
    """What kind of program is asking."""

    PXE = "PXE"
    """PXE firmware, or an iPXE that cannot fetch over HTTP: it takes a boot file over TFTP."""
    IPXE = "iPXE"
    """An iPXE that can fetch over HTTP: it takes the script's URL."""
    HTTP_BOOT = "HTTP Boot"
    """UEFI HTTP Boot: it takes a boot file's URL."""


class Machine(Model):
    """What is known of the machine that asks; on the DHCP path and on the script path alike, more or less of it."""

    mac: MacAddress = Field(description="address of the network card that boots")
    architecture: Architecture | None = Field(None, description="what the client said it is; unknown on some paths")
    uuid: UUID | None = Field(None, description="SMBIOS system UUID")
    serial: str = Field("", description="SMBIOS serial number, as iPXE reports it")
    manufacturer: str = Field("", description="SMBIOS manufacturer, as iPXE reports it")
    product: str = Field("", description="SMBIOS product name, as iPXE reports it")
    net0_mac: MacAddress | None = Field(
        None, description="the machine's first card as iPXE counts; differs from mac when another card boots"
    )
    interface: str = Field("", description="our network interface that the request came in on")
    subnet: IPv4Network | None = Field(None, description="our network on that interface; unknown behind a relay")
    relay: IPv4Address | None = Field(None, description="giaddr of the DHCP relay in between, if any")
    hostname: str = Field(
        "", description="what the machine calls itself: as iPXE was told by the DHCP server, or as its firmware says"
    )
    address: IPv4Address | None = Field(
        None, description="the machine's own address, once it has one: on the script path, never on the DHCP path"
    )


class PxeRequest(Model):
    """A machine asks to be booted: one DHCP message that passed every check."""

    machine: Machine
    client: Client
    firmware: Firmware | None = Field(description="the first-stage boot file it needs; None where we know of none")
    stage: Literal["dhcp", "pxe"] = Field(description="'dhcp' on port 67, 'pxe' for a boot-server request on 4011")
    transaction_id: int = Field(ge=0, le=0xFFFFFFFF, description="xid, the same in retransmissions of one attempt")
    seconds: int = Field(ge=0, le=0xFFFF, description="secs, how long the client says it has been trying")


class Ignore(Model):
    """A decision not to boot a machine, with the reason that its timeline will show."""

    reason: str = Field(min_length=1, max_length=65_536)


class Hold(Model):
    """A decision to let a machine wait: it is offered its boot, and held at the script until there is an answer.

    iPXE, any build since 2014, obeys HTTP 503 with Retry-After: it waits and asks again (httpcore.c).
    """

    reason: str = Field(min_length=1, max_length=65_536)
    seconds: int = Field(5, ge=1, le=3600, description="how long it shall wait before it asks again")


_PINNED = re.compile(r"^(?P<location>.+)#sha256=(?P<digest>[0-9a-fA-F]{64})$", re.DOTALL)

_ALMOST_PINNED = re.compile(r"#sha\d*=[^/#]*$", re.IGNORECASE)

_PLUGINS_OWN = re.compile(r"^(?!https?:)[a-z][a-z0-9-]+:(?!//)", re.IGNORECASE)

Digest = Annotated[str, AfterValidator(str.lower), Field(pattern=r"^[0-9a-fA-F]{64}$")]


class FileRef(Model):
    """Where the bytes of a boot file are: an absolute path on this host, an http(s) URL, or ``NAME:…``, which only a
    plugin's ``open_boot_file`` understands.

    Validated again wherever it becomes part of another value, so that one made past all checks goes no further.

    A location with a slash at its end, unless it is pinned, is a folder: its URL ends with a slash too, and what a
    client puts behind that is a file in the folder. An http(s) URL with nothing behind it is still itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", revalidate_instances="always")

    location: str = Field(max_length=8192)
    sha256: Digest | None = Field(
        None, description="what the bytes must hash to, in hex; others are never served whole"
    )
    root: str | None = Field(None, description="folder that a local file must be in, wherever symbolic links lead")

    @classmethod
    def from_text(cls, text: str) -> Self:
        """A path or URL as a person writes it, perhaps with ``#sha256=…`` behind it.

        :raises ValueError: it is neither an absolute path nor an http(s) URL, or its pin is none
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
        """Whether it stands for all files below it."""
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
        :raises ValueError: this is no folder, or *name* is no path that stays inside
        """
        parts = name.split("/")
        if not self.is_folder or not name.isprintable() or any(part in ("", ".", "..") for part in parts):
            raise ValueError(f"{name!r} is no file in a folder")
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


class BootSpec(Model):
    """What a machine shall boot."""

    kernel: FileRef | None = Field(None, description="the kernel; needed unless ipxe_script is given")
    initrds: tuple[FileRef, ...] = Field(
        (), max_length=1000, description="initial RAM disks, in the order the kernel sees them"
    )
    cmdline: str = Field(
        "", max_length=65_536, description='kernel command line; {{ ID "name" }} becomes the URL of files["name"]'
    )
    message: str = Field("", max_length=65_536, description="shown on the machine's screen before it boots")
    files: dict[str, FileRef] = Field({}, max_length=10_000, description="further files that the command line names")
    ipxe_script: str | None = Field(
        None, max_length=1_000_000, description="an iPXE script of one's own; wins over everything else"
    )

    @model_validator(mode="after")
    def _bootable(self) -> Self:
        if self.kernel is None and self.ipxe_script is None:
            raise ValueError("a boot spec needs a kernel or an ipxe_script")
        if self.ipxe_script is not None and not self.ipxe_script.startswith(("#!ipxe", "#!gpxe")):
            raise ValueError("an iPXE script begins with #!ipxe; iPXE runs no other")
        return self


@runtime_checkable
class ByteSource(Protocol):
    """Random access to a boot file's bytes."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Between one and *length* bytes from *offset*; none only at the end of the file.

        May give fewer than asked for, and may wait for a disk or an upstream
        server, never blocking the event loop.

        :raises BootFileError: the bytes cannot be had, or are no longer those that were promised
        """

    def close(self) -> None:
        """Free what is held open. Called exactly once, also after an error."""


class BootFile(Model):
    """An opened boot file: what a plugin hands back for the core to serve."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str = Field(description="for people, and for the content type")
    size: int = Field(ge=0, description="bytes; always known, since firmware and iPXE need a Content-Length")
    etag: str = Field("", description="changes whenever the bytes do; empty where nothing can be promised")
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


class PageRequest(Model):
    """A request for a plugin's own page."""

    path: str
    query: dict[str, str] = Field({}, description="the parameters; of one that stands twice, the first")
    mac: MacAddress | None = Field(
        None, description="whose boot the URL was made for; None for a URL that was not made with url_for.page"
    )
    token: str = Field("", description="what 'Authorization: Bearer' carries")
    address: str = Field("", description="of the client")


class PageAnswer(Model):
    """What a plugin's page says."""

    text: str = ""
    status: int = Field(200, ge=200, le=599)
    content_type: str = Field("text/plain; charset=utf-8", pattern=r"^[\x20-\x7e]+$")


class EventKind(StrEnum):
    """The facts that the core reports, in the order of a boot."""

    IGNORED = "ignored"
    """A machine was refused, or cannot be served: ``Ignoring M …``, and why."""
    HELD = "held"
    """A machine was told to wait and ask again, at its script or for a file: ``Holding M: …``."""
    OFFERED = "offered"
    """A ProxyDHCP offer of a boot file went out: ``Offering to boot M …``."""
    PXE_ANSWERED = "pxe-answered"
    """A boot-server request on 4011 was answered: ``Told M … where its boot file is``."""
    LOADER_SENT = "loader-sent"
    """A first-stage file was sent: ``Sent file "…" (loader, …``."""
    SCRIPT_OFFERED = "script-offered"
    """An iPXE was offered the script: ``Offering to boot M … by script``."""
    SCRIPT_SENT = "script-sent"
    """The script was sent: ``Sent boot script to M``."""
    KERNEL_SENT = "kernel-sent"
    """The kernel was sent whole: ``Sent file "…" (kernel, …``."""
    INITRD_SENT = "initrd-sent"
    """An initial RAM disk was sent whole: ``Sent file "…" (initrd, …``."""
    FILE_SENT = "file-sent"
    """Another file was sent, or the part that was asked for: ``Sent file "…"`` or ``Sent part of file "…"``."""
    BOOTING = "booting"
    """The script ran to its end, and everything is loaded: ``M has everything and starts its kernel``."""
    REFUSED = "refused"
    """A request could not be used: malformed, unsupported, over a limit, or for a file that a folder has not got. At
    most a few a second are logged: ``Unusable packet from M …`` and others."""
    FAILED = "failed"
    """A step of a boot went wrong on our side or on the way: ``Failed to …`` and others."""
    PLUGIN_FAILED = "plugin-failed"
    """A plugin raised, hung, blocked the loop or answered rubbish. Plugins do not hear of it, and it is logged once
    for each plugin and hook: ``plugin 'NAME', hook HOOK: …``."""


def _writable(text: str) -> str:
    """*text* without lone surrogates, which neither JSON nor a web page can hold, and of a bounded length."""
    if len(text) > _LONGEST_MESSAGE:
        text = text[:_LONGEST_MESSAGE] + "…"
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


_LONGEST_MESSAGE = 2000


def _writable_values(details: dict[str, str | int | float]) -> dict[str, str | int | float]:
    # One look at all of them: thousands of events are made a second, and nearly all are of plain short words.
    for name, value in details.items():
        if isinstance(value, str) and not (value.isascii() and len(value) <= _LONGEST_MESSAGE):
            details[name] = _writable(value)
    return details


class Event(Model):
    """One fact about a boot, after it happened."""

    kind: EventKind = Field(description="what happened")
    subsystem: Literal["Init", "DHCP", "PXE", "TFTP", "HTTP", "Files", "Plugin"] = Field(
        description="who says so; in brackets at the start of a log line"
    )
    message: Annotated[str, AfterValidator(_writable)] = Field(description="one line for a person: the log line")
    mac: MacAddress | None = Field(None, description="whose boot; None where nobody can tell")
    details: Annotated[dict[str, str | int | float], AfterValidator(_writable_values)] = Field(
        {},
        description="facts for programs: of a request the client, its architecture, the interface and its ``seconds``; "
        "of a file its name, purpose, bytes and seconds; of a plugin's failure plugin, hook and reason",
    )
    at: float = Field(default_factory=time.time, description="seconds since the epoch")

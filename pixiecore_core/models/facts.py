"""What happened: one small model for each kind of fact, with its units.

The core reports them, plugins hear of them (``on_event``). How a fact is worded is in
:mod:`pixiecore_core.engine.words`; what it means for a boot is for its readers to judge.
"""

from __future__ import annotations

import time
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from pixiecore_core.hidden import without_secrets
from pixiecore_core.models.base import MacAddress, Model
from pixiecore_core.models.files import Purpose
from pixiecore_core.models.request import Client, Stage

_LONGEST_TEXT, _LONGEST_NAME = 300, 100
"""Characters. 50,000 facts are remembered, and a stranger may have written any of them."""

Subsystem = Literal["Init", "DHCP", "PXE", "TFTP", "HTTP", "IPv6", "Files", "Syslog", "Plugin"]
"""Who says so; in brackets at the start of a log line."""
Level = Literal["info", "warning", "error"]
"""How a fact is logged."""


def _writable(text: str) -> str:
    """*text* without secrets, without lone surrogates, which neither JSON nor a web page can hold, and of a bounded
    length."""
    text = without_secrets(text)
    if len(text) > _LONGEST_TEXT:
        text = text[:_LONGEST_TEXT] + "…"
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _short(name: str) -> str:
    """*name* without its middle, where it is long: a client may ask for a kilobyte of name."""
    name = without_secrets(name)  # before it is cut, since the end of a token does not look like one
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME // 2]}…{name[-_LONGEST_NAME // 2 :]}"
    return _writable(name)


Text = Annotated[str, AfterValidator(_writable)]
"""A text that may come from a stranger."""
Name = Annotated[str, AfterValidator(_short)]
"""The name of a file, which may come from a stranger."""


class Fact(Model):
    """Something that happened. ``kind`` names what, in the log, in the JSON and in the counts."""

    kind: str = Field(description="what happened")
    level: ClassVar[Level] = "info"
    mac: MacAddress | None = Field(default=None, description="whose boot; None where that is unknown")
    at: float = Field(default_factory=time.time, description="seconds since the epoch")


class _Answer(Fact):
    stage: Stage = Field(description="where it asked: dhcp on port 67, pxe on port 4011")
    client: Client = Field(description="what kind of program asked")
    architecture: str = Field(default="", description="what it said it is, in words")
    interface: str = Field(default="", description="our network interface that the request came in on")
    seconds: int = Field(default=0, description="secs: how many seconds the client says it has been trying")
    variant: str = Field(default="", description="the way it was answered: names of the rows of the table of variants")
    because: Text = Field(default="", description="why it is another way than before; empty if it is not")
    wait: str = Field(default="", description="why it will have to wait at its script; empty if it need not")
    without_http: bool = Field(default=False, description="whether it is an iPXE that cannot fetch over HTTP")
    local: bool = Field(default=False, description="whether its script will send it on to its own disk")


class Offered(_Answer):
    """A ProxyDHCP offer of a boot file went out: ``Offering to boot M …``."""

    kind: Literal["offered"] = "offered"


class PxeAnswered(_Answer):
    """A boot-server request on 4011 was answered: ``Told M … where its boot file is``."""

    kind: Literal["pxe-answered"] = "pxe-answered"


class ScriptOffered(_Answer):
    """An iPXE was offered the script: ``Offering to boot M … by script``."""

    kind: Literal["script-offered"] = "script-offered"


class Unanswered(Fact):
    """A machine asked to be booted, and no boot server answered: told of captures alone."""

    kind: Literal["unanswered"] = "unanswered"
    level: ClassVar[Level] = "warning"
    client: Client = Field(description="what kind of program asked")
    architecture: str = Field(default="", description="what it said it is, in words")
    server: str = Field(default="", description="the boot server that it asked on port 4011; empty for everybody")
    elsewhere: bool = Field(default=False, description="whether that is not the boot server that is being explained")
    seconds: int = Field(default=0, description="secs: how many seconds the client says it has been trying")


class Ignored(Fact):
    """A machine was refused, or cannot be served: ``Ignoring M …``, and why."""

    kind: Literal["ignored"] = "ignored"
    reason: Text = Field(description="why")
    by: str = Field(default="", description="the plugin that says so; empty for the server itself")
    told: Text = Field(default="", description="what the machine is told, where that is another; only at its script")
    stage: Literal["dhcp", "pxe", "script"] = Field(description="where it asked: on port 67, on 4011, for its script")
    client: Client = Field(default=Client.IPXE, description="what kind of program asked")
    architecture: str = Field(default="", description="what it said it is, in words")
    interface: str = Field(default="", description="our network interface that the request came in on")
    seconds: int = Field(default=0, description="secs: how many seconds the client says it has been trying")


class Held(Fact):
    """A machine was told to wait and ask again, at its script or for a file: ``Holding M: …``."""

    kind: Literal["held"] = "held"
    reason: Text = Field(description="what it waits for")
    by: str = Field(default="", description="the plugin that says so; empty for the server itself")
    asked_for: Literal["script", "file"] = Field(description="what it asked for")
    seconds: int = Field(description="how many seconds until it should ask again")


class QuietlyAdvertised(Fact):
    """A machine under way asked for IPv6 routers, none answered, and it was told so: ``Told M that there is no …``."""

    kind: Literal["quietly-advertised"] = "quietly-advertised"
    interface: str = Field(default="", description="our network interface that it asked on")


class ScriptSent(Fact):
    """The script was sent: ``Sent boot script to M``."""

    kind: Literal["script-sent"] = "script-sent"
    via: Literal["TFTP", "HTTP"] = Field(default="HTTP", description="by which protocol: GRUB and U-Boot ask by TFTP")
    address: str = Field(default="", description="where to")
    cmdline_bytes: int = Field(default=0, description="length of the kernel command line in bytes")


class SentToDisk(Fact):
    """The script that starts the machine's own disk was sent: ``Sent M on to its disk``."""

    kind: Literal["local"] = "local"
    address: str = Field(default="", description="where to")
    reason: Text = Field(default="", description="why it does not boot from the network")


class _Sent(Fact):
    via: Literal["TFTP", "HTTP"] = Field(description="by which protocol")
    file: Name = Field(description="name of the file")
    purpose: Literal[Purpose, "loader"] = Field(description="what it is for")
    bytes: int = Field(description="bytes sent")
    size: int = Field(description="size of the file in bytes")
    seconds: float = Field(description="how long that took")
    address: str = Field(default="", description="where to")
    blksize: int | None = Field(default=None, description="bytes in a block, by TFTP")
    windowsize: int | None = Field(default=None, description="blocks that are sent before an acknowledgement, by TFTP")


class LoaderSent(_Sent):
    """A first-stage file was sent: ``Sent file "…" (loader, …``."""

    kind: Literal["loader-sent"] = "loader-sent"


class KernelSent(_Sent):
    """The kernel was sent whole: ``Sent file "…" (kernel, …``."""

    kind: Literal["kernel-sent"] = "kernel-sent"


class InitrdSent(_Sent):
    """An initial RAM disk was sent whole: ``Sent file "…" (initrd, …``."""

    kind: Literal["initrd-sent"] = "initrd-sent"


class FileSent(_Sent):
    """Another file was sent, or the part that was asked for: ``Sent file "…"`` or ``Sent part of file "…"``."""

    kind: Literal["file-sent"] = "file-sent"


class StepFailed(Fact):
    """A step of a machine's script failed, as its iPXE reports it: ``M failed to load its kernel: HTTP 404 …``."""

    kind: Literal["step-failed"] = "step-failed"
    level: ClassVar[Level] = "warning"
    step: str = Field(description="which: script, kernel, initrd0 and so on, boot, disk")
    number: str = Field(description="iPXE's error number, as eight hexadecimal digits; empty if it gave none")
    problem: str = Field(description="what the number means, in a few words")
    failures: int = Field(default=1, description="how many steps have failed in this attempt, with this one")
    then: Text = Field(default="", description="what is done about it")
    retry: bool = Field(default=False, description="whether the machine was told to try again")
    wait: int = Field(default=0, description="after how many seconds it is to do so")
    screen: Text = Field(default="", description="the last lines of iPXE's own log, of builds that report them")


class AddressAsked(Fact):
    """A client asked a DHCP server for an address, which it does after it has chosen among the offers: ``M asks the
    DHCP server … for …``.
    """

    kind: Literal["address-asked"] = "address-asked"
    client: str = Field(description="what asked: firmware, iPXE, or the system that was booted")
    vendor_class: Text = Field(default="", description="what it calls itself (option 60)")
    server: str = Field(default="", description="the DHCP server that it chose (option 54); empty if it names none")
    asked_for: str = Field(default="", description="the address that it wants (option 50); empty if it names none")
    seconds: int = Field(default=0, description="secs: how many seconds the client says it has been trying")


class Reported(Fact):
    """The booted system reports a step by the URL of ``{{ REPORT "step" }}``: ``M reports: …``."""

    kind: Literal["reported"] = "reported"
    step: Text = Field(min_length=1, description="what it says, in the words of the command line or template")
    address: str = Field(default="", description="where from")


class Logged(Fact):
    """The booted system sent a line by syslog (``--syslog``): ``M says: …``; or ``M goes on to …``, where the line is
    known to be a step. A timeline keeps the steps, the first and the last errors, and the latest of all other lines.
    """

    kind: Literal["logged"] = "logged"
    program: Text = Field(default="", description="the program that says so")
    severity: int = Field(default=6, ge=0, le=7, description="RFC 5424 section 6.2.1: 0 emergency to 7 debug")
    text: Text = Field(description="what it says")
    step: str = Field(default="", description="what that means, such as installer: partitioning; empty if no step")
    lines: int = Field(default=1, description="how many lines the system has sent in this attempt, with this one")
    address: str = Field(default="", description="where from")


class Booting(Fact):
    """The script ran to its end, and everything is loaded: ``M has everything and starts its kernel``."""

    kind: Literal["booting"] = "booting"
    via: Literal["TFTP", "HTTP"] = Field(default="HTTP", description="by which protocol the last part was fetched")


class Noticed(Fact):
    """Something about a machine is out of the ordinary, and may be why it does not boot: ``M …``."""

    kind: Literal["noticed"] = "noticed"
    level: ClassVar[Level] = "warning"
    what: Literal["odd-range", "other-processor", "no-kernel"] = Field(
        description="what: a Range header that only a broken build of iPXE sends; a kernel for another processor; a "
        "text in the place of a kernel"
    )
    text: Text = Field(min_length=1, description="the same in words")


class Refused(Fact):
    """A request could not be used: malformed, unsupported, over a limit, from nobody who may be answered, or for a file
    that a folder does not have. At most a few a second are logged: ``Unusable packet from M …`` and others.
    """

    kind: Literal["refused"] = "refused"
    level: ClassVar[Level] = "warning"
    via: Subsystem = Field(description="who refused it")
    what: Literal["packet", "script", "url", "path", "file", "transfer", "connection", "page"] = Field(
        description="what was refused"
    )
    reason: Text = Field(description="why")
    source: str = Field(default="", description="MAC or IP address that it came from")
    interface: str = Field(default="", description="our network interface that a packet came in on")
    file: Name = Field(default="", description="what was asked for")


class Failed(Fact):
    """A step of a boot went wrong on our side or on the way: ``Failed to …`` and others."""

    kind: Literal["failed"] = "failed"
    level: ClassVar[Level] = "warning"
    via: Subsystem = Field(description="where it went wrong")
    step: Literal["reply", "script", "file", "transfer", "server"] = Field(
        description="what went wrong: sending an answer, writing the script, opening a file, sending it, the server"
    )
    reason: Text = Field(description="why")
    file: Name = Field(default="", description="name of the file")
    purpose: str = Field(default="", description="what the file is for")
    bytes: int = Field(default=0, description="bytes that were sent")
    size: int = Field(default=0, description="bytes that were to be sent")
    seconds: float = Field(default=0.0, description="how many seconds it was being sent for")
    address: str = Field(default="", description="where to")


class PluginFailed(Fact):
    """A plugin raised, hung, blocked the loop or answered nonsense. Plugins do not hear of it, and it is logged once
    for each plugin and hook: ``plugin 'NAME', hook HOOK: …``.
    """

    kind: Literal["plugin-failed"] = "plugin-failed"
    level: ClassVar[Level] = "error"
    plugin: str = Field(description="its name")
    hook: str = Field(description="what it was asked")
    reason: Text = Field(description="what went wrong")
    place: Text = Field(default="", description="where in the plugin's own code: file and line")


class NeighbourSeen(Fact):
    """Another DHCP or proxy server was heard, or something of it that spoils boots, each thing once; a warning where
    boots fail by it: ``The DHCP server at A …`` and ``A proxy at A …``.
    """

    kind: Literal["neighbour-seen"] = "neighbour-seen"
    server: str = Field(description="its address")
    interface: str = Field(default="", description="our network interface that it was heard on")
    proxy: bool = Field(default=False, description="whether it offers boots, and gives no addresses")
    problem: str = Field(
        default="",
        description="what is wrong with it: pxe-class-without-43, no-pxedhcp, second-proxy, other-boot-file, other-key"
        "; empty: nothing",
    )
    breaks: bool = Field(default=False, description="whether boots fail by it")
    text: Text = Field(description="the same in words")

    @property
    def level(self) -> Level:  # type: ignore[override]
        """How it is logged."""
        return "warning" if self.breaks else "info"


class Noted(Fact):
    """A plugin says something about a machine: the text is its own."""

    kind: Literal["noted"] = "noted"
    plugin: str = Field(description="its name")
    text: Text = Field(min_length=1, description="what it says, in one line")
    values: dict[str, Text | int | float | bool] = Field(default={}, max_length=20, description="facts for programs")


SENT: dict[str, type[LoaderSent | KernelSent | InitrdSent | FileSent]] = {
    "loader": LoaderSent,
    "kernel": KernelSent,
    "initrd": InitrdSent,
    "file": FileSent,
}
"""The kind of fact for a file that was sent whole, by its purpose."""

FACTS: tuple[type[Fact], ...] = (
    Unanswered,
    Ignored,
    Held,
    Offered,
    PxeAnswered,
    LoaderSent,
    ScriptOffered,
    QuietlyAdvertised,
    ScriptSent,
    SentToDisk,
    KernelSent,
    InitrdSent,
    FileSent,
    StepFailed,
    Booting,
    AddressAsked,
    Reported,
    Logged,
    Noticed,
    Refused,
    Failed,
    PluginFailed,
    NeighbourSeen,
    Noted,
)
"""Every kind of fact, in the order of a boot."""


def kind_of(fact: type[Fact]) -> str:
    """The kind of a class of facts, such as ``offered``."""
    default: Any = fact.model_fields["kind"].default
    return str(default)

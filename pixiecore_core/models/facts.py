"""What happened, as the core reports it and plugins hear of it."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pixiecore_core.models.base import MacAddress, Model


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

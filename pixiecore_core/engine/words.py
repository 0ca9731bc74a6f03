"""The one sentence of each fact, and who says it. Every log line that people grep is worded here, and nowhere else.

Facts in, text out. The words "Offering to boot" and "Sent file" are what people have grepped Pixiecore's log for since
2016, and stay. Decides nothing and logs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from pixiecore_core.models import Client
from pixiecore_core.models.facts import (
    AddressAsked,
    Booting,
    Fact,
    Failed,
    FileSent,
    Held,
    Ignored,
    InitrdSent,
    KernelSent,
    LoaderSent,
    Logged,
    NeighbourSeen,
    Noted,
    Noticed,
    Offered,
    PluginFailed,
    PxeAnswered,
    QuietlyAdvertised,
    Refused,
    Reported,
    ScriptOffered,
    ScriptSent,
    SentToDisk,
    StepFailed,
    Subsystem,
    Unanswered,
)

_LONGEST_CMDLINE = 2047
"""Bytes: COMMAND_LINE_SIZE is 2048 on x86 and arm64 (arch/x86/include/asm/setup.h), with the NUL at its end."""

_STAGES: dict[str, Subsystem] = {"dhcp": "DHCP", "pxe": "PXE", "script": "HTTP"}
_Request = Offered | PxeAnswered | ScriptOffered | Ignored | Unanswered
_Sent = LoaderSent | KernelSent | InitrdSent | FileSent


def sentence(fact: Fact) -> str:
    """What happened, in one line for a person."""
    return _WORDS[type(fact)](fact)


def subsystem(fact: Fact) -> Subsystem:
    """Who says so."""
    match fact:
        case Offered() | PxeAnswered() | ScriptOffered() | Ignored():
            return _STAGES[fact.stage]
        case LoaderSent() | KernelSent() | InitrdSent() | FileSent() | Refused() | Failed() | ScriptSent() | Booting():
            return fact.via
        case PluginFailed() | Noted():
            return "Plugin"
        case Noticed():
            return "HTTP"
        case AddressAsked() | Unanswered():
            return "DHCP"
        case Logged():
            return "Syslog"
        case QuietlyAdvertised():
            return "IPv6"
        case NeighbourSeen():
            return "DHCP"
    return "HTTP"


def subsystem_of(stage: str) -> Subsystem:
    """Who speaks on port 67, on 4011 and where scripts are asked for."""
    return _STAGES[stage]


def doing(step: str) -> str:
    """A step in words, as they follow "to"."""
    if step.startswith("initrd"):
        return f"load its initial RAM disk {step.removeprefix('initrd')}".rstrip()
    words = {"script": "get its script", "kernel": "load its kernel", "boot": "start its kernel"}
    return words.get(step, "start its disk" if step == "disk" else f"do {step}")


def _client(fact: _Request) -> str:
    """The client in a few words: ``iPXE on UEFI x86_64``, ``BIOS i386``."""
    if fact.client is Client.IPXE:
        return f"iPXE on {fact.architecture}" if fact.architecture else "iPXE"
    return fact.architecture


def _offered(fact: Offered | ScriptOffered) -> str:
    by = " by script" if isinstance(fact, ScriptOffered) else ""
    way = f", now {fact.variant}: {fact.because}" if fact.because else ""
    wait = f", to wait there: {fact.wait}" if fact.wait else ""
    on = ", to go on to its disk" if fact.local else ""
    return f"Offering to boot {fact.mac} ({_client(fact)} on {fact.interface}){by}{way}{wait}{on}"


def _pxe_answered(fact: PxeAnswered) -> str:
    return f"Told {fact.mac} ({_client(fact)} on {fact.interface}) where its boot file is"


def _unanswered(fact: Unanswered) -> str:
    if fact.elsewhere:
        return f"{fact.mac} ({_client(fact)}) asked another server, {fact.server}, on port 4011 for its boot file"
    if fact.server:
        return f"{fact.mac} ({_client(fact)}) asked {fact.server} on port 4011 for its boot file, in vain"
    return f"{fact.mac} ({_client(fact)}) asked to be booted, and no boot server answered"


def _ignored(fact: Ignored) -> str:
    return f"Ignoring {fact.mac} ({_client(fact)}): {fact.reason}"


def _held(fact: Held) -> str:
    return f"Holding {fact.mac}: {fact.reason}"


def _quietly_advertised(fact: QuietlyAdvertised) -> str:
    return f"Told {fact.mac} that there is no IPv6 router on {fact.interface}, so that it does not wait for one"


def _script_sent(fact: ScriptSent) -> str:
    text = f"Sent boot script to {fact.mac} ({fact.address})"
    if fact.cmdline_bytes <= _LONGEST_CMDLINE:
        return text
    return (
        f"{text}; its command line has {fact.cmdline_bytes} bytes, and Linux cuts it off after {_LONGEST_CMDLINE} "
        "without a word"
    )


def _sent_to_disk(fact: SentToDisk) -> str:
    reason = f": {fact.reason}" if fact.reason else ""
    return f"Sent {fact.mac} on to its disk ({fact.address}){reason}"


def _to(fact: _Sent | Refused | Failed) -> str:
    """Who a file was for."""
    if fact.via != "TFTP":
        return str(fact.mac or "whoever asked")
    address = fact.source if isinstance(fact, Refused) else fact.address
    return f"{fact.mac} ({address})" if fact.mac else address


def _sent(fact: _Sent) -> str:
    if fact.bytes < fact.size:
        # A probe, or a download that is continued: not a step of the boot by itself.
        part = f"{fact.purpose}, {fact.bytes:,} of {fact.size:,} bytes"
        return f'Sent part of file "{fact.file}" ({part}) to {_to(fact)}'
    whole = f"{fact.purpose}, {fact.bytes:,} bytes in {fact.seconds:.1f} s"
    return f'Sent file "{fact.file}" ({whole}) to {_to(fact)}'


def _step_failed(fact: StepFailed) -> str:
    number = f" (ipxe.org/err/{fact.number[:6]})" if fact.number else ""
    then = f"; {fact.then}" if fact.then else ""
    return f"{fact.mac} failed to {doing(fact.step)}: {fact.problem}{number}{then}"


def _address_asked(fact: AddressAsked) -> str:
    server = f" {fact.server}" if fact.server else ""
    address = f" for {fact.asked_for}" if fact.asked_for else ""
    return f"{fact.mac} ({fact.client}) asks the DHCP server{server}{address}"


def _reported(fact: Reported) -> str:
    return f"{fact.mac} reports: {fact.step}"


def _logged(fact: Logged) -> str:
    if fact.step:
        return f"{fact.mac} goes on to {fact.step}"
    program = f"{fact.program}: " if fact.program else ""
    lines = f" ({fact.lines:,} lines so far)" if fact.lines > 1 else ""
    return f"{fact.mac} says: {program}{fact.text}{lines}"


def _booting(fact: Booting) -> str:
    return f"{fact.mac} has everything and starts its kernel"


def _refused(fact: Refused) -> str:
    match fact.what:
        case "packet":
            return f"Unusable packet from {fact.source} on {fact.interface}: {fact.reason}"
        case "script":
            return f"No boot script for {fact.source}: {fact.reason}"
        case "url":
            return f"No file for {fact.source}: {fact.reason}"
        case "path":
            return f"Failed to get {fact.file!r} for {fact.source}: {fact.reason}"
        case "connection" | "page":
            return f"No {fact.what} for {fact.source}: {fact.reason}"
        case "transfer":
            return f'Failed to send file "{fact.file}" to {_to(fact)}: {fact.reason}'
    return f"Failed to get a file for {fact.mac}: {fact.reason}"


def _failed(fact: Failed) -> str:
    match fact.step:
        case "reply":
            return f"Failed to send the {fact.via} reply to {fact.mac}: {fact.reason}"
        case "script":
            return f"Failed to write the boot script of {fact.mac}: {fact.reason}"
        case "file" if fact.mac:
            return f"Failed to get a file for {fact.mac}: {fact.reason}"
        case "file":
            return f"Failed to get {fact.file!r} for {fact.address}: {fact.reason}"
        case "transfer":
            purpose = f" ({fact.purpose})" if fact.purpose else ""
            progress = f" after {fact.bytes:,} of {fact.size:,} bytes" if fact.size else ""
            return f'Failed to send file "{fact.file}"{purpose} to {_to(fact)}{progress}: {fact.reason}'
    return fact.reason


def _plugin_failed(fact: PluginFailed) -> str:
    place = f" ({fact.place})" if fact.place else ""
    return f"plugin {fact.plugin!r}, hook {fact.hook}: {fact.reason}{place}"


def _noticed(fact: Noticed) -> str:
    return f"{fact.mac} {fact.text}"


def _neighbour_seen(fact: NeighbourSeen) -> str:
    mend = "; what to do: pixiecore doctor" if fact.problem else ""
    return f"{fact.text[:1].upper()}{fact.text[1:]}{mend}"


def _noted(fact: Noted) -> str:
    name = fact.plugin.removesuffix(" policy").removesuffix(" booter")
    return f"{name}: {fact.text}"


_WORDS = cast(
    "dict[type[Fact], Callable[[Any], str]]",
    {
        Unanswered: _unanswered,
        Ignored: _ignored,
        Held: _held,
        Offered: _offered,
        PxeAnswered: _pxe_answered,
        ScriptOffered: _offered,
        QuietlyAdvertised: _quietly_advertised,
        ScriptSent: _script_sent,
        SentToDisk: _sent_to_disk,
        LoaderSent: _sent,
        KernelSent: _sent,
        InitrdSent: _sent,
        FileSent: _sent,
        StepFailed: _step_failed,
        AddressAsked: _address_asked,
        Reported: _reported,
        Logged: _logged,
        Booting: _booting,
        Refused: _refused,
        Failed: _failed,
        PluginFailed: _plugin_failed,
        NeighbourSeen: _neighbour_seen,
        Noted: _noted,
        Noticed: _noticed,
    },
)

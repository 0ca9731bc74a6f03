"""A fact of every kind, for tests."""

from __future__ import annotations

from pixiecore_core import Client
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
    Unanswered,
)

MAC = "52:54:00:12:34:56"

SAMPLES: list[Fact] = [
    Unanswered(mac=MAC, client=Client.PXE, architecture="BIOS i386"),
    Ignored(mac=MAC, stage="dhcp", client=Client.PXE, architecture="BIOS i386", interface="eth0", reason="not mine"),
    Held(mac=MAC, asked_for="script", reason="the API is down", seconds=5),
    Offered(mac=MAC, stage="dhcp", client=Client.PXE, architecture="BIOS i386", interface="eth0"),
    PxeAnswered(mac=MAC, stage="pxe", client=Client.PXE, architecture="UEFI x86_64", interface="eth0"),
    LoaderSent(
        mac=MAC, via="TFTP", file="a/b", purpose="loader", bytes=1000, size=1000, seconds=0.1, address="1.2.3.4"
    ),
    ScriptOffered(
        mac=MAC, stage="dhcp", client=Client.IPXE, architecture="UEFI x86_64", interface="eth0", wait="approval"
    ),
    QuietlyAdvertised(mac=MAC, interface="eth0"),
    ScriptSent(mac=MAC, address="192.0.2.100", cmdline_bytes=10),
    SentToDisk(mac=MAC, address="192.0.2.100", reason="it has booted once"),
    KernelSent(mac=MAC, via="HTTP", file="vmlinuz", purpose="kernel", bytes=1000, size=1000, seconds=0.1),
    InitrdSent(mac=MAC, via="HTTP", file="initrd", purpose="initrd", bytes=1000, size=1000, seconds=0.1),
    FileSent(mac=MAC, via="HTTP", file="vmlinuz", purpose="kernel", bytes=10, size=1000, seconds=0.1),
    Booting(mac=MAC),
    Refused(via="DHCP", what="packet", source="1.2.3.4", interface="eth0", reason="truncated"),
    Failed(mac=MAC, via="HTTP", step="transfer", file="vmlinuz", purpose="kernel", bytes=10, size=99, reason="gone"),
    PluginFailed(mac=MAC, plugin="p", hook="select_boot", reason="boom"),
    StepFailed(
        mac=MAC,
        step="kernel",
        number="2d0c613b",
        problem="HTTP 404",
        then="the firmware goes on",
    ),
    AddressAsked(mac=MAC, client="firmware", server="192.0.2.1", asked_for="192.0.2.100"),
    Reported(mac=MAC, step="partitioning", address="192.0.2.100"),
    Logged(mac=MAC, program="anna", text="retrieving", address="192.0.2.100"),
    Noticed(mac=MAC, what="odd-range", text="asked for 'bytes=u-u', as a broken iPXE does"),
    NeighbourSeen(server="192.0.2.1", interface="eth0", text="the DHCP server at 192.0.2.1 on eth0 gives addresses"),
    Noted(mac=MAC, plugin="p", text="approved by Ada"),
]

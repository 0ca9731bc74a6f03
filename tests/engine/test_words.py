"""The sentences that people grep: to the letter."""

from __future__ import annotations

import pytest

from pixiecore_core import Client
from pixiecore_core.engine.words import sentence, subsystem
from pixiecore_core.models.facts import (
    Fact,
    Failed,
    FileSent,
    Ignored,
    LoaderSent,
    Offered,
    Refused,
    ScriptSent,
    SentToDisk,
)
from tests.engine.samples import MAC, SAMPLES

LINES = [
    f"[DHCP] {MAC} (BIOS i386) asked to be booted, and no boot server answered",
    f"[DHCP] Ignoring {MAC} (BIOS i386): not mine",
    f"[HTTP] Holding {MAC}: the API is down",
    f"[DHCP] Offering to boot {MAC} (BIOS i386 on eth0)",
    f"[PXE] Told {MAC} (UEFI x86_64 on eth0) where its boot file is",
    f'[TFTP] Sent file "a/b" (loader, 1,000 bytes in 0.1 s) to {MAC} (1.2.3.4)',
    f"[DHCP] Offering to boot {MAC} (iPXE on UEFI x86_64 on eth0) by script, to wait there: approval",
    f"[IPv6] Told {MAC} that there is no IPv6 router on eth0, so that it does not wait for one",
    f"[HTTP] Sent boot script to {MAC} (192.0.2.100)",
    f"[HTTP] Sent {MAC} on to its disk (192.0.2.100): it has booted once",
    f'[HTTP] Sent file "vmlinuz" (kernel, 1,000 bytes in 0.1 s) to {MAC}',
    f'[HTTP] Sent file "initrd" (initrd, 1,000 bytes in 0.1 s) to {MAC}',
    f'[HTTP] Sent part of file "vmlinuz" (kernel, 10 of 1,000 bytes) to {MAC}',
    f"[HTTP] {MAC} has everything and starts its kernel",
    "[DHCP] Unusable packet from 1.2.3.4 on eth0: truncated",
    f'[HTTP] Failed to send file "vmlinuz" (kernel) to {MAC} after 10 of 99 bytes: gone',
    "[Plugin] plugin 'p', hook select_boot: boom",
    f"[HTTP] {MAC} failed to load its kernel: HTTP 404 (ipxe.org/err/2d0c61); the firmware goes on",
    f"[DHCP] {MAC} (firmware) asks the DHCP server 192.0.2.1 for 192.0.2.100",
    f"[HTTP] {MAC} reports: partitioning",
    f"[Syslog] {MAC} says: anna: retrieving",
    f"[HTTP] {MAC} asked for 'bytes=u-u', as a broken iPXE does",
    "[DHCP] The DHCP server at 192.0.2.1 on eth0 gives addresses",
    "[Plugin] p: approved by Ada",
]


@pytest.mark.parametrize(("fact", "line"), list(zip(SAMPLES, LINES, strict=True)), ids=LINES)
def test_each_kind_has_its_sentence(fact: Fact, line: str) -> None:
    assert f"[{subsystem(fact)}] {sentence(fact)}" == line


@pytest.mark.parametrize(
    ("fact", "line"),
    [
        (Ignored(mac=MAC, stage="script", reason="no"), f"Ignoring {MAC} (iPXE): no"),
        (
            Ignored(mac=MAC, stage="pxe", client=Client.IPXE, architecture="BIOS i386", reason="no"),
            f"Ignoring {MAC} (iPXE on BIOS i386): no",
        ),
        (
            ScriptSent(mac=MAC, address="a", cmdline_bytes=3000),
            f"Sent boot script to {MAC} (a); its command line has 3000 bytes, and Linux cuts it off after 2047 "
            "without a word",
        ),
        (SentToDisk(mac=MAC, address="a"), f"Sent {MAC} on to its disk (a)"),
        (
            Offered(mac=MAC, stage="dhcp", client=Client.PXE, architecture="BIOS i386", interface="eth0", local=True),
            f"Offering to boot {MAC} (BIOS i386 on eth0), to go on to its disk",
        ),
        (
            LoaderSent(via="TFTP", file="x", purpose="loader", bytes=5, size=5, seconds=1, address="a"),
            'Sent file "x" (loader, 5 bytes in 1.0 s) to a',
        ),
        (
            FileSent(mac=MAC, via="HTTP", file="x", purpose="file", bytes=5, size=5, seconds=0),
            f'Sent file "x" (file, 5 bytes in 0.0 s) to {MAC}',
        ),
        (Refused(via="HTTP", what="script", source="a", reason="no"), "No boot script for a: no"),
        (Refused(via="HTTP", what="url", source="a", reason="old"), "No file for a: old"),
        (Refused(via="HTTP", what="path", source="a", file="/x", reason="no"), "Failed to get '/x' for a: no"),
        (
            Refused(mac=MAC, via="HTTP", what="file", file="x", reason="x does not exist"),
            f"Failed to get a file for {MAC}: x does not exist",
        ),
        (
            Refused(via="TFTP", what="transfer", source="a", file="x", reason="no such file"),
            'Failed to send file "x" to a: no such file',
        ),
        (Failed(mac=MAC, via="PXE", step="reply", reason="no"), f"Failed to send the PXE reply to {MAC}: no"),
        (Failed(mac=MAC, via="HTTP", step="script", reason="no"), f"Failed to write the boot script of {MAC}: no"),
        (Failed(mac=MAC, via="HTTP", step="file", reason="no"), f"Failed to get a file for {MAC}: no"),
        (Failed(via="HTTP", step="file", file="/x", address="a", reason="no"), "Failed to get '/x' for a: no"),
        (
            Failed(mac=MAC, via="TFTP", step="transfer", file="x", address="a", bytes=1, size=9, reason="no"),
            f'Failed to send file "x" to {MAC} (a) after 1 of 9 bytes: no',
        ),
        (Failed(via="Files", step="server", reason="No cache"), "No cache"),
    ],
)
def test_sentences_say_what_is_known(fact: Fact, line: str) -> None:
    assert sentence(fact) == line

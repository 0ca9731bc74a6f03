"""Pixiecore in the lab: started from the command line as its users start it, with an errand for the machine it boots.

The errand proves the boot from the inside: a word that must turn up in /proc/cmdline, and a file that the booted Linux
must fetch through the URL that `{{ ID … }}` became.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.hosting.room import on_a_host

from .boot import BootResult
from .machines import Machine
from .network import SERVER_ADDRESS, Network, Process
from .payload import payload

PIXIECORE = Path(sys.executable).with_name("pixiecore")


@dataclass(frozen=True)
class Errand:
    file: Path
    word: str
    console: str = "ttyS0"

    @classmethod
    def prepare(cls, folder: Path, console: str = "ttyS0") -> Errand:
        """An errand for a machine whose serial line Linux calls `console`."""
        file = folder / "errand file.bin"  # a space: names are not URLs
        file.write_bytes(os.urandom(300_001))
        return cls(file, secrets.token_hex(4), console)

    @property
    def cmdline(self) -> str:
        return f'console={self.console} quiet lab.fetch={{{{ ID "{self.file}" }}}} lab.word={self.word}'

    @property
    def api_cmdline(self) -> str:
        """The same as an API says it."""
        return f'console={self.console} quiet lab.fetch={{{{ URL "{self.file.as_uri()}" }}}} lab.word={self.word}'

    def check(self, machine: Machine, result: BootResult, server_address: str = SERVER_ADDRESS) -> None:
        """AssertionError unless the machine did what it was sent for."""
        # In front are, from EFI iPXE, the image's name, and initrd=NAME, by which such a kernel finds its initrd.
        front = "" if machine.stub else r"(kernel )?(initrd=\S+ )*"
        url = rf"http://{re.escape(server_address)}/_/file\?name=\S+"
        expected = rf"{front}console={self.console} quiet lab\.fetch={url} lab\.word={self.word}"
        assert re.fullmatch(expected, result.cmdline), result.cmdline
        content = self.file.read_bytes()
        assert result.fetched_size == len(content)
        assert result.fetched_sha256 == hashlib.sha256(content).hexdigest()
        assert result.firmware == machine.firmware


def start_server(
    network: Network,
    folder: Path,
    machine: Machine,
    errand: Errand,
    *,
    beside_neighbour: bool = False,
    own_user: bool = False,
    options: Sequence[str] = (),
    program: Path = PIXIECORE,
    kernel: Path | None = None,
) -> Process:
    """Start Pixiecore for this machine, on a host of its own or on the neighbour's, and wait until it is ready.

    :param own_user: on a host that has a user "pixiecore", which the server becomes
    :param program: another installation's command
    :param kernel: in the place of the payload's
    """
    parts = payload(machine.payload)
    argv: list[str | Path] = [program, "boot", kernel or parts.kernel, parts.initrd, f"--cmdline={errand.cmdline}"]
    argv += options
    if not own_user:
        argv += [f"--cache-dir={folder / 'cache'}", f"--key-file={folder / 'url.key'}"]
        argv.append(f"--history={folder / 'history.sqlite'}")
    if machine.stub:
        argv.append(f"--uefi-stub-{machine.stub}={parts.efi_stub}")
    if machine.ipxe:
        argv.append(f"{machine.ipxe.option}={machine.ipxe.path()}")
    if beside_neighbour:
        argv.append("--dhcp-no-bind")
    if own_user:
        argv = [*on_a_host(folder, f"exec {shlex.join(map(str, argv))}")]
    host = network.dhcp if beside_neighbour else network.srv
    process = network.run_in(host, argv, folder / "server.log")
    process.wait_for("Ready", timeout=15)
    return process

"""A server with machines in every state, for pictures of its page and for tests of it: real, but for the machines.

Everything is on loopback. The machines are those of ``pixiecore simulate``.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.net.test_storm import free_port, wait_for_ports
from tests.processes import PIXIECORE

SERVER, RELAYS = "127.0.0.1", "127.0.0.0/8"
TOKEN = "a-token-of-a-test"
KERNEL_BYTES = 24_000_000
_LISTED = "52:54:00"


@dataclass
class Scene:
    """A running server."""

    folder: Path
    url: str
    to: list[str]
    dhcp_port: int
    _machines: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def begin(self, firmware: str, mac: str, *options: str, **known: str) -> subprocess.Popen[bytes]:
        """A machine begins to boot.

        :param known: what its iPXE knows of it
        """
        said = [part for name, value in known.items() for part in ("--set", f"{name}={value}")]
        # Each is behind a relay of its own: answers to two on one address would reach one of them only.
        ours = f"127.0.{1 + len(self._machines) // 200}.{2 + len(self._machines) % 200}"
        command = [*PIXIECORE, "simulate", firmware, *self.to, "--from", ours, "--mac", mac, *said, *options]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._machines.append(process)
        return process

    def boot(self, firmware: str, mac: str, *options: str, **known: str) -> None:
        """A machine boots, to whatever end."""
        self.begin(firmware, mac, *options, **known).wait(60)

    def live(self, mac: str) -> None:
        """The system of a machine that has booted asks for an address."""
        head = b"\x01\x01\x06\x00" + bytes(24) + bytes.fromhex(mac.replace(":", "")) + bytes(10 + 192)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(head + b"\x63\x82\x53\x63\x35\x01\x01\xff", (SERVER, self.dhcp_port))

    @contextmanager
    def without_kernel(self) -> Iterator[None]:
        """While inside, somebody has moved the kernel away."""
        kernel = self.folder / "vmlinuz"
        kernel.rename(self.folder / "moved")
        try:
            yield
        finally:
            (self.folder / "moved").rename(kernel)

    def end(self) -> None:
        """Switch all machines off."""
        for process in self._machines:
            process.kill()
            process.wait()


@contextmanager
def scene(folder: Path, *options: str) -> Iterator[Scene]:
    """A server at which the machines whose MAC begins with 52:54:00 boot, and others wait for somebody's word."""
    (folder / "vmlinuz").write_bytes(bytes(KERNEL_BYTES))
    (folder / "initrd.img").write_bytes(bytes(900_000))
    (folder / "undionly.kpxe").write_bytes(bytes(70_000))
    loader = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0\x64\x86" + bytes(100_000)
    (folder / "ipxe.efi").write_bytes(loader)
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    (folder / "rules").write_text(f"{_LISTED}\n")
    command = [*PIXIECORE, "boot", str(folder / "vmlinuz"), str(folder / "initrd.img"), "--cmdline", "console=ttyS0"]
    command += ["--ipxe-bios", str(folder / "undionly.kpxe"), "--ipxe-efi64", str(folder / "ipxe.efi"), "--no-cache"]
    command += ["--trust-relay", RELAYS, "--key-file", str(folder / "key"), "--offer-memory", str(folder / "memory")]
    command += ["--allowlist-file", str(folder / "rules"), "--allowlist-database", str(folder / "allowlist.sqlite")]
    command += ["--no-history", "--boot-retries", "0"]
    for name in ("dhcp", "pxe", "tftp", "http"):
        command += [f"--{name}", f"{SERVER}:{free_port() if name == 'dhcp' else 0}"]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([*command, *options], stdout=output, stderr=subprocess.STDOUT)
    found: Scene | None = None
    try:
        ports = wait_for_ports(process, log)
        to = ["--server", SERVER, "--dhcp-port", str(ports.dhcp)]
        to += ["--pxe-port", str(ports.pxe), "--tftp-port", str(ports.tftp)]
        found = Scene(folder, f"http://{SERVER}:{ports.http}", to, ports.dhcp)
        yield found
    finally:
        if found is not None:
            found.end()
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder / "profile", ignore_errors=True)


def play(stage: Scene) -> None:
    """Machines of a small data centre, in every state but those that take patience."""
    dell = {"manufacturer": "Dell Inc.", "product": "PowerEdge R650"}
    hpe = {"manufacturer": "HPE", "product": "ProLiant DL360 Gen11"}
    lenovo = {"manufacturer": "Lenovo", "product": "ThinkSystem SR630"}
    vanished = stage.begin(
        "uefi-x64", "52:54:00:7a:10:09", "--vanish", "script", serial="S4LX0219", hostname="db-3", **lenovo
    )
    for number, name in enumerate(("web-1", "web-2", "web-3")):
        mac = f"52:54:00:7a:10:0{number}"
        stage.boot("uefi-x64", mac, serial=f"7XK2M{number}3", hostname=name, **dell)
        stage.live(mac)
    with stage.without_kernel():
        stage.boot("uefi-x64", "52:54:00:7a:10:05", serial="CZ3407PWQ1", hostname="db-1", **hpe)
    stage.begin("bios", "02:1b:21:4e:88:30", manufacturer="Supermicro", product="SYS-510T", serial="S411899X")
    vanished.wait(30)
    time.sleep(22)  # until a machine that says nothing has stalled
    stage.boot("bios", "52:54:00:7a:10:06", serial="CZ3407PWQ9", hostname="db-2", **hpe)
    for number, rate in ((1, 900_000), (2, 500_000)):
        stage.begin(
            "uefi-x64", f"52:54:00:7a:20:0{number}", "--slow", str(rate), serial=f"7XK9T{number}3",
            hostname=f"gpu-{number}", **dell,
        )  # fmt: skip
    time.sleep(9)

"""dnsmasq in Pixiecore's place: ProxyDHCP and TFTP with the same loaders, its files by Python's own web server.

Set up as its manual and the guides to it have it, on the host and network that Pixiecore would have, and which machines
it has no answer for. For the measurements beside it; tests nothing.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from pixiecore_core.boot.uki import Part, unify
from pixiecore_core.firmware.known import KNOWN

from .machines import ARM64, Machine
from .network import LINK, SERVER_ADDRESS, Network, Process
from .payload import payload
from .server import Errand

_WEB_PORT = 8000
_BASE = f"http://{SERVER_ADDRESS}:{_WEB_PORT}"
_SYSTEMS = {"bios": "x86PC", "efi-ia32": "IA32_EFI", "efi-x64": "x86-64_EFI", "efi-arm64": "ARM64_EFI"}
"""What its option pxe-service calls the machines of our loaders."""


def loader_name(machine: Machine) -> str:
    """The loader of our table that is for a machine."""
    if machine.flash is None:
        return "bios"
    if machine.board is ARM64:
        return "efi-arm64"
    return "efi-ia32" if machine.payload == "i386" else "efi-x64"


def cannot(machine: Machine) -> str:
    """Why dnsmasq does not boot a machine, or cannot be tried with it, if so."""
    if "http" in machine.name.split("-"):
        return "as a proxy it does not answer HTTP Boot"  # rfc2131.c: a proxy answers the class PXEClient alone
    if machine.posing:
        # dnsmasq's offer holds a boot-server menu, and the script that poses as such a client goes by the header alone.
        return "not measured: what stands in for the card's ROM here reads no menu"
    return ""


def start_rival(network: Network, folder: Path, machine: Machine, errand: Errand) -> Process:
    """Start it and wait until it answers."""
    files = folder / "rival"
    files.mkdir()
    parts = payload(machine.payload)
    shutil.copyfile(errand.file, files / "errand.bin")
    cmdline = f"console={machine.board.console} quiet lab.fetch={_BASE}/errand.bin lab.word={errand.word}"
    (files / "vmlinuz").symlink_to(parts.kernel)
    (files / "initrd").symlink_to(parts.initrd)
    script = f"#!ipxe\nkernel {_BASE}/vmlinuz initrd=initrd {cmdline}\ninitrd --name initrd {_BASE}/initrd\nboot\n"
    (files / "boot.ipxe").write_text(script)
    if machine.stub:
        first = "linux.efi"
        _unified(files / first, machine, cmdline)
    else:
        loader = _loader(machine)
        first = loader.name
        shutil.copyfile(loader, files / first)
    web = [sys.executable, "-u", "-m", "http.server", "--bind", SERVER_ADDRESS, "--directory", files, str(_WEB_PORT)]
    network.run_in(network.srv, web, folder / "rival-web.log").wait_for("Serving", timeout=15)
    argv = [
        *("dnsmasq", "--keep-in-foreground", "--log-facility=-", "--log-dhcp", "--conf-file=/dev/null", "--pid-file"),
        *("--user=root", "--port=0", f"--interface={LINK}", "--bind-interfaces", "--dhcp-range=192.0.2.0,proxy"),
        *("--enable-tftp", f"--tftp-root={files}", "--dhcp-userclass=set:ipxe,iPXE"),
        f"--pxe-service=tag:!ipxe,{_SYSTEMS[loader_name(machine)]},boot,{first}",
        f"--dhcp-boot=tag:ipxe,{_BASE}/boot.ipxe,,{SERVER_ADDRESS}",
    ]
    process = network.run_in(network.srv, argv, folder / "rival.log")
    process.wait_for("DHCP, proxy", timeout=10)
    return process


def _loader(machine: Machine) -> Path:
    """The same file that Pixiecore hands out."""
    if machine.ipxe is not None:
        return machine.ipxe.path()
    loader = KNOWN.loader(loader_name(machine))
    assert loader is not None
    return Path("/usr/lib/ipxe") / loader.files[0]


def _unified(path: Path, machine: Machine, cmdline: str) -> None:
    """What somebody would make by hand with ukify, and again for every change."""
    parts = payload(machine.payload)
    kernel, initrd = (Part(str(one), one.stat().st_size) for one in (parts.kernel, parts.initrd))
    image = unify(parts.efi_stub.read_bytes(), kernel, [initrd], cmdline, "ID=lab\n")
    with path.open("wb") as made:
        for piece in image.pieces:
            made.write(Path(piece.name).read_bytes() if isinstance(piece, Part) else piece)

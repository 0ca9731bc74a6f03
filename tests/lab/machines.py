"""The lab's machines: which firmware, which network card, which iPXE it is handed, and how QEMU is told.

Everything runs on TCG: /dev/kvm may open on a host whose KVM cannot run firmware.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from .disk import make_disk
from .network import TAP
from .packages import of_suite

MAC = "52:54:00:12:34:56"

_OVMF, _AAVMF = Path("/usr/share/OVMF"), Path("/usr/share/AAVMF")
_IPXE_KERNEL = Path("/usr/lib/ipxe/ipxe.lkrn")
# iPXE posing as the PXE client of a card's maker: a real UNDI, and no user class "iPXE". It drops the pose before it
# loads anything: what it loads would inherit the user class with the cached DHCP answer, which no real ROM hands on.
_POSING_SCRIPT = """#!ipxe
set user-class PXE
dhcp
clear user-class
chain tftp://${proxydhcp/next-server}/${proxydhcp/filename}
"""
_COMMON = (
    *("-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio", "-monitor", "none"),
    *("-smp", "1", "-accel", "tcg,thread=multi", "-device", "virtio-rng-pci"),
    *("-uuid", "00112233-4455-6677-8899-aabbccddeeff", "-smbios", "type=1,serial=LAB-1"),
)


@dataclass(frozen=True)
class Board:
    """What a machine is built on."""

    program: str
    kind: str
    cpu: str
    console: str
    """Its serial line, as Linux calls it."""
    memory: int = 512
    """Megabytes."""


PC = Board("qemu-system-x86_64", "q35", "max", "ttyS0")
ARM64 = Board("qemu-system-aarch64", "virt", "cortex-a57", "ttyAMA0", memory=1024)


@dataclass(frozen=True)
class Ipxe:
    """The iPXE that a server hands out in place of the one installed here."""

    option: str
    """The server's, that names it."""
    file: str
    suite: str
    """The release of Debian that it is of."""

    def path(self) -> Path:
        """Downloaded on first use. :raises SuiteNotHere: that release is not to be had"""
        return of_suite("ipxe:all", self.suite) / "usr/lib/ipxe" / self.file


@dataclass(frozen=True)
class Flash:
    """A build of OVMF or AAVMF: its code, and the empty variables that a run gets its own copy of."""

    code: str
    variables: str
    folder: Path = _OVMF
    guarded: bool = False
    """Built to insist on System Management Mode guarding the variables."""

    def options(self, folder: Path) -> list[str]:
        variables = folder / "variables.fd"
        shutil.copyfile(self.folder / self.variables, variables)
        options = ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={self.folder / self.code}"]
        options += ["-drive", f"if=pflash,format=raw,unit=1,file={variables}"]
        if self.guarded:
            options += ["-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1"]
        return options


@dataclass(frozen=True)
class Machine:
    name: str
    flash: Flash | None = None
    """UEFI; without it the machine is SeaBIOS, or U-Boot."""
    board: Board = PC
    nic: str = "virtio-net-pci"
    payload: str = "x86_64"
    posing: bool = False
    """A PXE client in software instead of the card's ROM."""
    stub: str = ""
    """Does without iPXE: Pixiecore makes one file of this stub, kernel, initrd and command line."""
    ipxe: Ipxe | None = None
    """The iPXE that it is handed, where that is not the one installed here."""
    u_boot: bool = False
    """U-Boot, of Debian 12's package for QEMU; its own kind of firmware."""
    disk: bool = False
    """Whether it has a disk that starts, second in its boot order."""
    settings: tuple[str, ...] = ()
    mac: str = MAC
    memory: int = 0
    """Megabytes; 0 for what its board has."""

    @property
    def firmware(self) -> str:
        """What the booted Linux finds."""
        return "EFI" if self.flash else "BIOS"

    def argv(self, folder: Path) -> list[str]:
        """QEMU's command line; `folder` takes what this one run writes."""
        options = [*_COMMON, "-cpu", self.board.cpu, "-m", str(self.memory or self.board.memory), *self.settings]
        machine = self.board.kind
        if self.u_boot:
            options += ["-bios", str(of_suite("u-boot-qemu:all", "bookworm") / "usr/lib/u-boot/qemu_arm64/u-boot.bin")]
        elif self.flash is None:
            machine += ",graphics=off"  # SeaBIOS and the cards' ROMs then speak on the serial line
        else:
            machine += ",smm=on" if self.flash.guarded else ""
            options += self.flash.options(folder)
        boot_index = ",bootindex=0"
        if self.posing:
            script = folder / "posing.ipxe"
            script.write_text(_POSING_SCRIPT)
            options += ["-kernel", str(_IPXE_KERNEL), "-initrd", str(script)]
            boot_index = ""
        options += ["-netdev", f"tap,id=n0,ifname={TAP},script=no,downscript=no"]
        options += ["-device", f"{self.nic},netdev=n0,mac={self.mac}{boot_index}"]
        if self.disk:
            make_disk(folder / "disk.img")
            options += ["-drive", f"if=none,id=disk,format=raw,file={folder / 'disk.img'}"]
            options += ["-device", "virtio-blk-pci,drive=disk,bootindex=1"]
        return [self.board.program, "-machine", machine, *options]


_X64 = Flash("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")
_IA32 = Flash("OVMF32_CODE_4M.secboot.fd", "OVMF32_VARS_4M.fd", guarded=True)
_AA64 = Flash("AAVMF_CODE.fd", "AAVMF_VARS.fd", _AAVMF)
# romfile= keeps iPXE's ROM out: the firmware's own PXE stack must do the work.
_NO_ROM = "virtio-net-pci,romfile="
_HTTP_BOOT_ONLY = (
    *("-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n"),
    *("-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n"),
    *("-fw_cfg", "name=opt/org.tianocore/IPv6Support,string=n"),
)

MACHINES = {
    machine.name: machine
    for machine in (
        Machine("seabios-ipxe-virtio"),
        Machine("seabios-ipxe-e1000", nic="e1000", payload="i386"),
        Machine("seabios-ipxe-rtl8139", nic="rtl8139", payload="i386"),
        Machine("bios-plain-pxe", nic=_NO_ROM, posing=True),
        Machine("ovmf-x64-pxe", _X64, nic=_NO_ROM),
        Machine("ovmf-x64-ipxe-rom", _X64),
        Machine("ovmf-ia32-pxe", _IA32, nic=_NO_ROM, payload="i386", stub="ia32"),
        Machine("ovmf-x64-http", _X64, nic=_NO_ROM, settings=_HTTP_BOOT_ONLY),
    )
}


_SUITES = {"2019": "bookworm", "2025": "trixie"}
"""The years of the two builds of iPXE that are tried, and the releases of Debian that have them."""


def _ipxes(option: str, file: str, *years: str) -> dict[str, Ipxe]:
    return {year: Ipxe(option, file, _SUITES[year]) for year in years}


_X64_IPXES = _ipxes("--ipxe-efi64", "snponly.efi", "2019", "2025")
_ARM64_IPXES = _ipxes("--ipxe-arm64", "ipxe-arm64.efi", "2025")  # Debian 12 has none for ARM

BY_STOCK_IPXE = {
    machine.name: machine
    for machine in (
        *(Machine(f"ovmf-x64-pxe-{year}", _X64, nic=_NO_ROM, ipxe=ipxe) for year, ipxe in _X64_IPXES.items()),
        *(
            Machine(f"ovmf-x64-http-{year}", _X64, nic=_NO_ROM, ipxe=ipxe, settings=_HTTP_BOOT_ONLY)
            for year, ipxe in _X64_IPXES.items()
        ),
        *(
            Machine(f"aavmf-{way}-{year}", _AA64, ARM64, _NO_ROM, "arm64", ipxe=ipxe, settings=settings)
            for year, ipxe in _ARM64_IPXES.items()
            for way, settings in (("pxe", ()), ("http", _HTTP_BOOT_ONLY))
        ),
    )
}
"""UEFI with the iPXE of one release of Debian or the other; the number in the name is its year."""

WITHOUT_IPXE = {
    machine.name: machine
    for machine in (
        Machine("ovmf-x64-pxe-uki", _X64, nic=_NO_ROM, stub="x64"),
        Machine("ovmf-x64-http-uki", _X64, nic=_NO_ROM, stub="x64", settings=_HTTP_BOOT_ONLY),
        Machine("aavmf-pxe-uki", _AA64, ARM64, _NO_ROM, "arm64", stub="arm64"),
        Machine("aavmf-http-uki", _AA64, ARM64, _NO_ROM, "arm64", stub="arm64", settings=_HTTP_BOOT_ONLY),
    )
}
"""UEFI that starts one file, made of the kernel and all that belongs to it (``--uefi-direct=always``)."""

U_BOOT = Machine("u-boot-arm64", board=ARM64, nic=_NO_ROM, payload="arm64", u_boot=True)
"""Takes no ProxyDHCP offer: its DHCP server must name us."""

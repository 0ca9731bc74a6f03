"""The lab's machines: which firmware, which network card, and how QEMU is told.

Everything runs on TCG: /dev/kvm may open on a host whose KVM cannot run firmware.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from .network import TAP

MAC = "52:54:00:12:34:56"

_OVMF = Path("/usr/share/OVMF")
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
    *("-smp", "1", "-accel", "tcg,thread=multi", "-cpu", "max", "-device", "virtio-rng-pci"),
    *("-uuid", "00112233-4455-6677-8899-aabbccddeeff", "-smbios", "type=1,serial=LAB-1"),
)


@dataclass(frozen=True)
class Flash:
    """A build of OVMF: its code, and the empty variables that a run gets its own copy of."""

    code: str
    variables: str
    guarded: bool = False
    """Built to insist on System Management Mode guarding the variables."""

    def options(self, folder: Path) -> list[str]:
        variables = folder / "variables.fd"
        shutil.copyfile(_OVMF / self.variables, variables)
        options = ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={_OVMF / self.code}"]
        options += ["-drive", f"if=pflash,format=raw,unit=1,file={variables}"]
        if self.guarded:
            options += ["-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1"]
        return options


@dataclass(frozen=True)
class Machine:
    name: str
    flash: Flash | None = None
    """OVMF; without it the machine is SeaBIOS."""
    nic: str = "virtio-net-pci"
    payload: str = "x86_64"
    posing: bool = False
    """A PXE client in software instead of the card's ROM."""
    stub: str = ""
    """Does without iPXE: Pixiecore makes one file of this stub, kernel, initrd and command line."""
    settings: tuple[str, ...] = ()
    mac: str = MAC
    memory: int = 512
    """Megabytes."""

    @property
    def firmware(self) -> str:
        """What the booted Linux finds."""
        return "EFI" if self.flash else "BIOS"

    def argv(self, folder: Path) -> list[str]:
        """QEMU's command line; `folder` takes what this one run writes."""
        options = [*_COMMON, "-m", str(self.memory), *self.settings]
        machine = "q35"
        if self.flash is None:
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
        return ["qemu-system-x86_64", "-machine", machine, *options]


_X64 = Flash("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")
_IA32 = Flash("OVMF32_CODE_4M.secboot.fd", "OVMF32_VARS_4M.fd", guarded=True)
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

"""The rows: all firmware that the registry names, and for those that we can boot, the loader. Data, with its sources.

A new architecture is one row here, or one that a plugin brings (``register_firmware``). Options, the kit's list,
``pixiecore firmware`` and the documentation are made from these rows.
"""

from __future__ import annotations

from pixiecore_core.firmware.rows import Firmware, FirmwareFamily, Loader, Stub
from pixiecore_core.firmware.table import FirmwareTable

BIOS, UEFI, U_BOOT, OTHER = FirmwareFamily.BIOS, FirmwareFamily.UEFI, FirmwareFamily.U_BOOT, FirmwareFamily.OTHER

FOLDERS = (
    "/usr/lib/ipxe",  # Debian, Ubuntu
    "/usr/share/ipxe",  # Fedora, RHEL, Arch, Alpine
    "/usr/lib/ipxe/qemu",
    "/opt/homebrew/share/ipxe",  # Homebrew on Apple silicon
    "/usr/local/share/ipxe",  # Homebrew on Intel, and by hand
    "/home/linuxbrew/.linuxbrew/share/ipxe",
)
"""Where distributions put iPXE."""
STUB_FOLDERS = ("/usr/lib/systemd/boot/efi",)
"""Where distributions put systemd's EFI stubs."""

_DEBIAN, _ARCH, _ALPINE = "apt-get install ipxe", "pacman -S ipxe", "apk add ipxe"
_ANYWHERE = {"arch": _ARCH, "alpine": _ALPINE}
_X86 = _ANYWHERE | {"debian": _DEBIAN, "fedora": "dnf install ipxe-bootimgs-x86"}

# In each folder in this order: snponly before ipxe.efi, because the firmware's own driver works where iPXE's may not
# (ipxe issues 250, 972); undionly for the same reason (danderson/netboot issue 63).
_BIOS_LOADER = Loader(
    name="bios",
    serves="BIOS machines",
    boot_file="undionly.kpxe",
    setting="ipxe_bios",
    files=("undionly.kpxe", "i386/undionly.kpxe", "undionly.kkpxe"),
    packages=_X86,
)
# Coming from an iPXE ROM, undionly.kpxe loses the network: the ROM has taken UNDI away (netboot commit b7411f3).
_BIOS_IPXE_LOADER = Loader(
    name="bios-ipxe",
    serves="BIOS machines whose card has an iPXE without HTTP",
    boot_file="ipxe.pxe",
    setting="ipxe_ipxe",
    files=("ipxe.pxe", "i386/ipxe.pxe"),
    packages=_X86,
)
_IA32_LOADER = Loader(
    name="efi-ia32",
    serves="32-bit x86 UEFI machines",
    boot_file="snponly.efi",
    setting="ipxe_efi32",
    files=(
        "snponly-i386.efi",
        "ipxe-snponly-i386.efi",
        "i386-efi/snponly.efi",
        "i386-efi/ipxe.efi",
        "ipxe-i386.efi",
    ),
    packages=_ANYWHERE,
    pe_machine=0x014C,
    seen=False,
)
_X64_LOADER = Loader(
    name="efi-x64",
    serves="64-bit x86 UEFI machines",
    boot_file="snponly.efi",
    setting="ipxe_efi64",
    files=(
        "snponly.efi",
        "snponly-x86_64.efi",
        "ipxe-snponly-x86_64.efi",
        "x86_64/snponly.efi",
        "x86_64-efi/snponly.efi",
        "ipxe.efi",
        "ipxe-x86_64.efi",
        "ipxe-amd64.efi",
        "x86_64/ipxe.efi",
        "x86_64-efi/ipxe.efi",
    ),
    packages=_X86,
    pe_machine=0x8664,
)
_ARM64_LOADER = Loader(
    name="efi-arm64",
    serves="64-bit ARM UEFI machines",
    boot_file="snponly.efi",
    setting="ipxe_arm64",
    files=(
        "snponly-arm64.efi",
        "ipxe-snponly-aarch64.efi",
        "arm64/snponly.efi",
        "arm64-efi/snponly.efi",
        "ipxe-arm64.efi",
        "ipxe-aarch64.efi",
        "arm64/ipxe.efi",
        "arm64-efi/ipxe.efi",
    ),
    packages=_ANYWHERE
    | {
        "debian": f"{_DEBIAN} (Debian 13 or later has ipxe-arm64.efi)",
        "fedora": "dnf install ipxe-bootimgs-aarch64",
    },
    pe_machine=0xAA64,
)
# With iPXE's own drivers, for cards on which the firmware's driver fails.
_X64_NATIVE_LOADER = Loader(
    name="efi-x64-native",
    serves="64-bit x86 UEFI machines whose firmware drives its card badly",
    boot_file="ipxe.efi",
    setting="ipxe_efi64_native",
    files=("ipxe.efi", "ipxe-x86_64.efi", "ipxe-amd64.efi", "x86_64/ipxe.efi", "x86_64-efi/ipxe.efi"),
    packages=_X86,
    pe_machine=0x8664,
    usual=False,
)
_ARM64_NATIVE_LOADER = Loader(
    name="efi-arm64-native",
    serves="64-bit ARM UEFI machines whose firmware drives its card badly",
    boot_file="ipxe.efi",
    setting="ipxe_arm64_native",
    files=("ipxe-arm64.efi", "ipxe-aarch64.efi", "arm64/ipxe.efi", "arm64-efi/ipxe.efi"),
    packages=_ARM64_LOADER.packages,
    pe_machine=0xAA64,
    usual=False,
)
# Nobody has seen a distribution with an iPXE for it: the names are those that iPXE's own build gives.
_ARM32_LOADER = Loader(
    name="efi-arm32",
    serves="32-bit ARM UEFI machines",
    boot_file="snponly.efi",
    setting="ipxe_arm32",
    files=("snponly-arm32.efi", "arm32-efi/snponly.efi", "ipxe-arm32.efi", "arm32-efi/ipxe.efi"),
    pe_machine=0x01C2,
    seen=False,
    usual=False,
)
_SINCE_13 = f"{_DEBIAN} (Debian 13 or later has it)"
_RISCV64_LOADER = Loader(
    name="efi-riscv64",
    serves="64-bit RISC-V UEFI machines",
    boot_file="ipxe.efi",
    setting="ipxe_riscv64",
    files=("snponly-riscv64.efi", "riscv64-efi/snponly.efi", "ipxe-riscv64.efi", "riscv64-efi/ipxe.efi"),
    packages={"debian": _SINCE_13},
    pe_machine=0x5064,
    usual=False,
)
_LOONG64_LOADER = Loader(
    name="efi-loong64",
    serves="64-bit LoongArch UEFI machines",
    boot_file="ipxe.efi",
    setting="ipxe_loong64",
    files=("snponly-loong64.efi", "loong64-efi/snponly.efi", "ipxe-loong64.efi", "loong64-efi/ipxe.efi"),
    packages={"debian": _SINCE_13},
    pe_machine=0x6264,
    usual=False,
)

_DEBIAN_STUB = "apt-get install systemd-boot-efi"
"""Has the stub of the package's own architecture."""
_STUBS_OF = {"debian": _DEBIAN_STUB, "fedora": "dnf install systemd-boot-unsigned"}


def _foreign(architecture: str) -> dict[str, str]:
    """Debian's package of another architecture than this host's."""
    return {
        "debian": f"dpkg --add-architecture {architecture} && apt-get update && {_DEBIAN_STUB}:{architecture}",
    }


def _stub(name: str, file: str, machine: int, packages: dict[str, str], *more_kernels: int) -> Stub:
    setting = f"uefi_stub_{name}"
    kernels = (machine, *more_kernels)
    return Stub(name=name, setting=setting, files=(file,), packages=packages, pe_machine=machine, kernels=kernels)


_X64_STUB = _stub("x64", "linuxx64.efi.stub", 0x8664, _STUBS_OF)
# A 64-bit kernel too, on a 64-bit processor (EFI_MIXED; stubs since systemd 255).
_IA32_STUB = _stub("ia32", "linuxia32.efi.stub", 0x014C, _foreign("i386"), 0x8664)
_ARM64_STUB = _stub("arm64", "linuxaa64.efi.stub", 0xAA64, _STUBS_OF | _foreign("arm64"))
_RISCV64_STUB = _stub("riscv64", "linuxriscv64.efi.stub", 0x5064, _foreign("riscv64"))


def _uefi(
    cpu: str, pxe: int, http: int, loader: Loader | None = None, stub: Stub | None = None, other: Loader | None = None
) -> Firmware:
    return Firmware(
        cpu=cpu,
        family=UEFI,
        codes=(pxe,),
        http_codes=(http,),
        platform="efi",
        loader=loader,
        other_loader=other,
        stub=stub,
    )


ROWS = (
    Firmware(
        cpu="i386",
        family=BIOS,
        codes=(0,),
        http_codes=(20,),
        # It says i386 whatever the processor is, because the registry has no other code for it; hardly any that still
        # boots from a network cannot do x86_64.
        runs=("x86_64", "i386"),
        platform="pcbios",
        loader=_BIOS_LOADER,
        ipxe_loader=_BIOS_IPXE_LOADER,
        other_loader=_BIOS_IPXE_LOADER,
    ),
    _uefi("i386", 6, 15, _IA32_LOADER, _IA32_STUB),
    Firmware(
        cpu="x86_64",
        family=UEFI,
        codes=(7, 9),
        http_codes=(16, 17),
        platform="efi",
        loader=_X64_LOADER,
        other_loader=_X64_NATIVE_LOADER,
        stub=_X64_STUB,
        source="9 and 17 are EBC, which VMware and others announce for plain x64 (danderson/netboot PR 30)",
    ),
    _uefi("arm32", 10, 18, _ARM32_LOADER),
    _uefi("arm64", 11, 19, _ARM64_LOADER, _ARM64_STUB, _ARM64_NATIVE_LOADER),
    _uefi("riscv32", 25, 26),
    _uefi("riscv64", 27, 28, _RISCV64_LOADER, _RISCV64_STUB),
    _uefi("riscv128", 29, 30),
    _uefi("loong32", 37, 38),
    _uefi("loong64", 39, 40, _LOONG64_LOADER),
    Firmware(cpu="arm32", family=U_BOOT, codes=(21,), http_codes=(23,)),
    Firmware(cpu="arm64", family=U_BOOT, codes=(22,), http_codes=(24,)),
    Firmware(
        cpu="arm64",
        family=FirmwareFamily.RPIBOOT,
        codes=(41,),
        makers=("28:cd:c1", "2c:cf:67", "88:a2:9e", "b8:27:eb", "d8:3a:dd", "dc:a6:32", "e4:5f:01"),
        says=0,
        source="the ROM says that it is a BIOS (rpi-eeprom issue 82); the makers are those of IEEE's registry",
    ),
    Firmware(cpu="ia64", family=UEFI, codes=(2,)),
    Firmware(cpu="xscale", family=UEFI, codes=(8,)),
    Firmware(cpu="mips32", family=UEFI, codes=(33,)),
    Firmware(cpu="mips64", family=UEFI, codes=(34,)),
    Firmware(cpu="sunway32", family=UEFI, codes=(35,)),
    Firmware(cpu="sunway64", family=UEFI, codes=(36,)),
    Firmware(cpu="nec-pc98", family=OTHER, codes=(1,)),
    Firmware(cpu="alpha", family=OTHER, codes=(3,)),
    Firmware(cpu="arc-x86", family=OTHER, codes=(4,)),
    Firmware(cpu="intel-lean-client", family=OTHER, codes=(5,)),
    Firmware(cpu="powerpc", family=OTHER, codes=(12,)),
    Firmware(cpu="powerpc-epapr", family=OTHER, codes=(13,)),
    Firmware(cpu="power-opal", family=OTHER, codes=(14,)),
    Firmware(cpu="s390", family=OTHER, codes=(31,)),
    Firmware(cpu="s390x", family=OTHER, codes=(32,)),
)

KNOWN = FirmwareTable({"core": ROWS})
"""The core's own rows."""

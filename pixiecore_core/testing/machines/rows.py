"""The table of simulated machines: what each firmware, and each iPXE, says of itself and how it asks. Data.

Most rows are what real firmware sent in our lab, option for option (tests/golden; FIELD names where others come from).
Decides nothing. In values, ``{mac}`` and ``{uuid}`` stand for the machine's own bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from pixiecore_core.wire.dhcp4 import Option

MAC, UUID = b"{mac}", b"{uuid}"
_PARAMETERS, _CLIENT_ID = 55, 61
Options = tuple[tuple[int, bytes], ...]
"""In the order in which they are sent."""


class Way(StrEnum):
    """How firmware comes to its first file."""

    PXE = "PXE"
    HTTP_BOOT = "HTTP Boot"
    IPXE = "iPXE"
    """An iPXE in the network card: there is no first file."""
    U_BOOT = "U-Boot"
    PI = "Raspberry Pi"


@dataclass(frozen=True, slots=True)
class Ipxe:
    """A build of iPXE on some firmware."""

    options: Options
    """Of its DISCOVER."""
    broadcast: bool
    version: str
    buildarch: str
    platform: str
    chip: str
    errnos: tuple[tuple[str, int], ...]
    """Its error numbers by the cause of a failure, as far as they were measured."""
    autoexec: bool = False
    """Whether it first looks for a script beside itself (iPXE 1.21 and later, on UEFI)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of machine."""

    name: str
    about: str
    way: Way
    options: Options
    """Of its DISCOVER."""
    source: str
    broadcast: bool = True
    boot_server: tuple[int, ...] = ()
    """The options of its request on port 4011, in their order."""
    secs: tuple[int, ...] = (0, 4, 12, 28)
    """Seconds since the start at which it asks: what it says in ``secs``."""
    windows: tuple[float, ...] = (4.0, 8.0, 16.0, 32.0)
    """How long it listens after each."""
    file: bytes = b""
    """The header's ``file`` of its DISCOVER."""
    tftp: tuple[tuple[str, str], ...] = ()
    """The options of its TFTP requests."""
    probes: bool = False
    """Whether it asks for a file's size first."""
    agent: str = ""
    ipxe: Ipxe | None = None
    """What it runs once it has its loader."""
    maker: str = "02:70:78"
    """The beginning of its MAC address; this one is nobody's (locally administered)."""


def _class(kind: str, code: int, undi: str) -> bytes:
    return f"{kind}:Arch:{code:05}:UNDI:{undi}".encode()


def _two(code: int) -> bytes:
    return code.to_bytes(2, "big")


_DISCOVER = b"\x01"
_IPXE_WANTS = bytes((1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, *range(128, 136), 175, 203))
_EDK2_WANTS = bytes((*range(1, 7), 12, 13, 15, 17, 18, 22, 23, 28, *range(40, 44), 50, 51, 54, 58, 59, 60, 66, 67, 97))
_EDK2_PXE_WANTS = _EDK2_WANTS + bytes(range(128, 136))
_EDK2_HTTP_WANTS = bytes(
    (*range(1, 7), 12, 13, 15, 17, 18, 22, 23, 28, *range(40, 44), 50, 51, 54, 58, 59, 60, 235, 67, 97)
)
_ROM_WANTS = bytes((1, 2, 3, 5, 6, 11, 12, 13, 15, 16, 17, 18, 43, 54, 60, 67, *range(128, 136)))
_BIOS_FEATURES = (0x17, 0x22, 0x13, 0x11, 0x27, 0x19, 0x29, 0x10, 0x21, 0x15, 0x18, 0x12)
_EFI_FEATURES = (0x17, 0x24, 0x13, 0x11, 0x27, 0x29, 0x15, 0x12)
_PXE_API = 0x10  # the only feature of version 2
_VIRTIO = b"\xb1\x05\x01\x1a\xf4\x10\x00"  # iPXE dhcp.h, DHCP_EB_BUS_ID: PCI, vendor, device


def ipxe_options(
    code: int, vendor_class: bytes, interface: bytes, features: tuple[int, ...], version: bytes = b"\x01\0\0"
) -> Options:
    """iPXE's DISCOVER (iPXE dhcp.c; tests/golden).

    :param features: of option 175 (iPXE features.h)
    """
    about = _VIRTIO + b"\xeb\x03" + version + b"".join(bytes((one, 1, 1 + (one == _PXE_API))) for one in features)
    return (
        (Option.MESSAGE_TYPE, _DISCOVER),
        (Option.MAXIMUM_SIZE, _two(1472)),
        (Option.CLIENT_ARCHITECTURE, _two(code)),
        (Option.NETWORK_INTERFACE, interface),
        (Option.VENDOR_CLASS, vendor_class),
        (Option.USER_CLASS, b"iPXE"),
        (_PARAMETERS, _IPXE_WANTS),
        (Option.IPXE, about),
        (_CLIENT_ID, b"\x01" + MAC),
        (Option.CLIENT_UUID, b"\0" + UUID),
    )


def edk2_options(code: int, kind: str = "PXEClient", wants: bytes = _EDK2_PXE_WANTS) -> Options:
    """EDK2's DISCOVER (NetworkPkg, PxeBcDhcp4.c; tests/golden)."""
    return (
        (Option.MESSAGE_TYPE, _DISCOVER),
        (Option.MAXIMUM_SIZE, _two(1472)),
        (_PARAMETERS, wants),
        (Option.CLIENT_UUID, b"\0" + UUID),
        (Option.NETWORK_INTERFACE, b"\x01\x03\x00"),
        (Option.CLIENT_ARCHITECTURE, _two(code)),
        (Option.VENDOR_CLASS, _class(kind, code, "003000")),
    )


# Measured on Debian 12's builds: connection refused, "not found" by HTTP, not an image. Of the others only the first
# byte is known, iPXE's number for the class (include/errno.h).
_CLASSES = (("silent", 0x4C126035), ("missing", 0x2D000000), ("forbidden", 0x02000000), ("broken", 0x1D000000))
_BIOS_ERRNOS = (("refused", 0x0F0A6039), ("not-found", 0x2D0C613B), ("not-an-image", 0x2E008081), *_CLASSES)
_EFI_ERRNOS = (("refused", 0x0F0A6039), ("not-found", 0x2D0C618E), ("not-an-image", 0x2E008081), *_CLASSES)

_BIOS_IPXE = Ipxe(
    options=ipxe_options(0, b"PXEClient", b"\x01\x02\x01", _BIOS_FEATURES),
    broadcast=True,
    version="1.0.0+git-20190125.36a4c85-5.1",
    buildarch="i386",
    platform="pcbios",
    chip="undionly",
    errnos=_BIOS_ERRNOS,
)
"""Debian 12's undionly.kpxe."""
_ROM_IPXE = replace(
    _BIOS_IPXE,
    options=ipxe_options(0, _class("PXEClient", 0, "002001"), b"\x01\x02\x01", _BIOS_FEATURES),
    broadcast=False,
    chip="virtio-net",
)
"""That of QEMU's card, in Debian 12."""


def efi_ipxe(code: int, buildarch: str) -> Ipxe:
    """Debian 12's snponly.efi, or what it would be for another processor."""
    return Ipxe(
        options=ipxe_options(code, _class("PXEClient", code, "003010"), b"\x01\x03\x0a", _EFI_FEATURES),
        broadcast=False,
        version="1.0.0+git-20190125.36a4c85-5.1",
        buildarch=buildarch,
        platform="efi",
        chip="SNP",
        errnos=_EFI_ERRNOS,
    )


def _newer(ipxe: Ipxe) -> Ipxe:
    """Debian 13's build in its place."""
    features = [(code, value.replace(b"\xeb\x03\x01\0\0", b"\xeb\x03\x01\x15\x01")) for code, value in ipxe.options]
    return replace(ipxe, options=tuple(features), version="1.21.1+git-20250501.4af4ba8-1", autoexec=True)


def of_architecture(code: int, http: bool) -> Row:
    """A row for any architecture code, as its likeliest firmware asks: for what is known of it by its code alone.

    :param http: whether it is a code of HTTP Boot
    """
    same = [row for row in ROWS if (Option.CLIENT_ARCHITECTURE, _two(code)) in row.options and row.way is not Way.IPXE]
    if same:
        return same[0]
    ipxe = efi_ipxe(code, "x86_64")
    about, source = f"firmware of architecture {code}", "as EDK2"
    if http:
        return _uefi_http(str(code), about, code, ipxe, source)
    return _uefi(str(code), about, code, ipxe, source)


_EDK2_BOOT_SERVER = (53, 55, 57, 60, 93, 94, 97)
_EDK2_TFTP = (("tsize", "0"), ("blksize", "1468"), ("windowsize", "4"))
IPXE_TFTP = (("blksize", "1432"), ("tsize", "0"))
"""iPXE tftp.c; the same for all builds."""


def _uefi(name: str, about: str, code: int, ipxe: Ipxe, source: str) -> Row:
    return Row(
        name=name,
        about=about,
        way=Way.PXE,
        options=edk2_options(code),
        boot_server=_EDK2_BOOT_SERVER,
        tftp=_EDK2_TFTP,
        probes=True,
        ipxe=ipxe,
        source=source,
    )


def _uefi_http(name: str, about: str, code: int, ipxe: Ipxe, source: str) -> Row:
    return Row(
        name=name,
        about=about,
        way=Way.HTTP_BOOT,
        options=edk2_options(code, "HTTPClient", _EDK2_HTTP_WANTS),
        agent="UefiHttpBoot/1.0",
        ipxe=ipxe,
        source=source,
    )


ROWS = (
    Row(
        name="bios",
        about="a BIOS with a plain PXE ROM, which gets Debian 12's iPXE",
        way=Way.PXE,
        options=(
            (Option.CLIENT_UUID, b"\0" + UUID),
            (Option.MESSAGE_TYPE, _DISCOVER),
            (_PARAMETERS, _ROM_WANTS),
            (Option.MAXIMUM_SIZE, _two(1260)),
            (Option.CLIENT_ARCHITECTURE, _two(0)),
            (Option.NETWORK_INTERFACE, b"\x01\x02\x01"),
            (Option.VENDOR_CLASS, _class("PXEClient", 0, "002001")),
        ),
        boot_server=(97, 53, 55, 57, 93, 94, 60),
        secs=(4, 8, 16, 32),
        tftp=(("tsize", "0"), ("blksize", "1456")),
        probes=True,
        ipxe=_BIOS_IPXE,
        source="what a PXE ROM under SeaBIOS sends; PXE 2.1 section 2.2.4 for the rhythm",
    ),
    Row(
        name="ipxe",
        about="a BIOS whose network card has iPXE (QEMU's, Debian 12)",
        way=Way.IPXE,
        options=_ROM_IPXE.options,
        broadcast=False,
        ipxe=_ROM_IPXE,
        source="tests/golden/seabios-ipxe-virtio.hex",
    ),
    Row(
        name="ipxe-uefi",
        about="UEFI x64 whose network card has iPXE (QEMU's, Debian 12)",
        way=Way.IPXE,
        options=efi_ipxe(7, "x86_64").options,
        broadcast=False,
        ipxe=replace(efi_ipxe(7, "x86_64"), chip="virtio-net"),
        source="tests/golden/ovmf-x64-ipxe-rom.hex",
    ),
    _uefi(
        "uefi-x64",
        "UEFI x64 by PXE (EDK2), which gets Debian 12's iPXE",
        7,
        efi_ipxe(7, "x86_64"),
        "tests/golden/ovmf-x64-pxe.hex",
    ),
    _uefi("uefi-ia32", "UEFI ia32 by PXE (EDK2)", 6, efi_ipxe(6, "i386"), "tests/golden/ovmf-ia32-pxe.hex"),
    _uefi(
        "uefi-arm64",
        "UEFI ARM64 by PXE (EDK2), which gets Debian 13's iPXE",
        11,
        _newer(efi_ipxe(11, "arm64")),
        "as uefi-x64; Debian 13 is the first with an iPXE for it",
    ),
    _uefi_http(
        "uefi-http",
        "UEFI x64 by HTTP Boot (EDK2), which gets Debian 12's iPXE",
        16,
        efi_ipxe(7, "x86_64"),
        "tests/golden/ovmf-x64-http.hex",
    ),
    _uefi_http(
        "uefi-arm64-http",
        "UEFI ARM64 by HTTP Boot (EDK2), which gets Debian 13's iPXE",
        19,
        _newer(efi_ipxe(11, "arm64")),
        "as uefi-http; Debian 13 is the first with an iPXE for it",
    ),
    Row(
        name="u-boot",
        about="an ARM64 board with U-Boot",
        way=Way.U_BOOT,
        options=(
            (Option.MESSAGE_TYPE, _DISCOVER),
            (Option.MAXIMUM_SIZE, _two(576)),
            (Option.CLIENT_ARCHITECTURE, _two(22)),
            (Option.NETWORK_INTERFACE, b"\x01\0\0"),
            (Option.VENDOR_CLASS, b"U-Boot.armv8"),
            (_PARAMETERS, bytes((1, 3, 6, 12, 17))),
        ),
        broadcast=False,
        secs=(0, 0, 0, 0),
        windows=(0.25, 0.5, 1.0, 2.0),
        file=b"boot.scr.uimg",
        tftp=(("timeout", "5"), ("tsize", "0"), ("blksize", "1468")),
        source="tests/golden/u-boot-arm64.hex; net/bootp.c for the rhythm, net/tftp.c for TFTP's options",
    ),
    Row(
        name="pi",
        about="a Raspberry Pi 4",
        way=Way.PI,
        options=(
            (Option.MESSAGE_TYPE, _DISCOVER),
            (_PARAMETERS, bytes((1, 3, 43, 60, 66, 67, *range(128, 136)))),
            (Option.CLIENT_ARCHITECTURE, _two(0)),
            (Option.NETWORK_INTERFACE, b"\x01\x02\x01"),
            (Option.VENDOR_CLASS, _class("PXEClient", 0, "002001")),
            (Option.CLIENT_UUID, b"\0" + UUID),
        ),
        broadcast=False,
        secs=(0, 0, 0, 0, 0),
        windows=(4.0, 4.0, 4.0, 4.0, 4.0),
        tftp=(("tsize", "0"), ("blksize", "1024")),
        source="rpi-eeprom issues 82 and 87; Raspberry Pi's documentation of its bootloader. Never seen here",
        maker="dc:a6:32",
    ),
)
BY_NAME = {row.name: row for row in ROWS}

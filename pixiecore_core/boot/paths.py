"""The one table of paths, over HTTP and TFTP, and the address that a client reaches them by.

Every URL and TFTP name that an offer, a script or a test mentions is made here, so that what is promised and what is
served cannot drift apart (siderolabs/sidero issue 1295). Opens nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pixiecore_core.firmware.rows import Loader
from pixiecore_core.models import normalise_mac

# What stands below each path is its part of the documentation's reference.
SCRIPT_PATH = "/_/ipxe"
"""The iPXE script. The query has ``mac``, ``arch``, and as iPXE knows them ``platform``, ``uuid``, ``serial``,
``asset``, ``board-serial``, ``net0``, ``manufacturer``, ``product``, ``hostname``, ``chip``, ``busid``, ``ip``,
``version``; ``from`` is a sealed word on where the machine asked from. 400 without a usable ``mac`` and ``arch``; 404
``you don't netboot: …``; 403 for another machine's (``--check-neighbour``); 503 with
``Retry-After`` while there is no decision yet; 500 where a plugin failed."""
OFFERED_PATH = "/_/ipxe/"
"""``TOKEN``: what iPXE is offered. A script that has iPXE ask for its own with everything that it knows of the machine;
the token says where the machine asked from, so any instance with the key can write the script. 404 for a token that
was not made here."""
FILE_PATH = "/_/file"
"""A file that a script named, with length, ETag and ranges. In the query ``name`` is a sealed token; ``type`` and
``mac`` are for people who read access logs. 404 for a token that was not made here or has expired, and for a file
that is not there; 502 where it cannot be read, 504 where another server does not answer in time, 503 with
``Retry-After`` while it is on its way."""
FOLDER_PATH = "/_/folder/"
"""``TOKEN/NAME``: a file in a folder that a command line names (``{{ ID "./seed/" }}``), as ``/_/file`` serves it.
NAME stays inside the folder."""
FAILED_PATH = "/_/failed"
"""A script in which a step has failed asks here what to do: it says ``step`` and iPXE's ``errno``, and ``dmesg`` where
its build has that; ``mac`` and ``name`` are as above. The answer is a script: to try again, or to go on. 403 for a
token that was not made here."""
REPORT_PATH = "/_/report"
"""``{{ REPORT "step" }}`` on a command line: the booted system asks for it, and ``step`` is in its machine's timeline.
``mac`` and ``name`` are as above; ``step`` may be replaced by another. 429 where too many report at once."""
BOOTING_PATH = "/_/booting"
"""``# Booting``. The script fetches it when everything is loaded, with ``mac`` and ``name`` in the query."""
LOADER_PATH = "/_/loader/"
"""``MAC/LOADER/NAME``: a first-stage boot file, for UEFI HTTP Boot."""
AUTOEXEC = "autoexec.ipxe"
"""In any folder: a script that leads iPXE to its machine's script, or where that fails to DHCP."""

NOT_ALIASED = re.compile(r"^(?:revocations|shim_certificate|sbat)", re.IGNORECASE)
"""What shim looks for beside itself before it goes on to its second stage: these must be "not found"."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a particular client reaches us."""

    ip: IPv4Address
    http_port: int = 80

    @property
    def base_url(self) -> str:
        """``http://192.0.2.2`` or ``http://192.0.2.2:8080``, without a slash at the end."""
        return f"http://{self.ip}" if self.http_port == 80 else f"http://{self.ip}:{self.http_port}"

    def offered_url(self, token: str) -> str:
        """The URL that iPXE is offered. Below 255 bytes, so that it fits one DHCP option: iPXE knows no RFC 3396.

        :param token: says where the machine asked from
        """
        return f"{self.base_url}{OFFERED_PATH}{token}"

    def script_url(self, mac: str, token: str = "") -> str:
        """The URL of a machine's script, for iPXE, which fills the ``${…}`` in; what a maker may have written with
        spaces or an ampersand is escaped.

        :param mac: the card that asked, for a machine may boot from another card than its first
        :param token: says where the machine asked from
        """
        origin = f"&from={token}" if token else ""
        return (
            f"{self.base_url}{SCRIPT_PATH}?mac={mac}{origin}&net0=${{net0/mac}}&uuid=${{uuid}}"
            "&serial=${serial:uristring}&asset=${asset:uristring}&board-serial=${board-serial:uristring}"
            "&arch=${buildarch}&platform=${platform}&version=${version:uristring}"
            "&manufacturer=${manufacturer:uristring}&product=${product:uristring}&hostname=${hostname:uristring}"
            "&chip=${netX/chip:uristring}&busid=${netX/busid}&ip=${netX/ip}"
        )

    def first_stage_url(self, path: str) -> str:
        """The URL of a first-stage boot file, by its TFTP name, for UEFI HTTP Boot."""
        return f"{self.base_url}{LOADER_PATH}{path}"


def loader_path(mac: str, loader: Loader) -> str:
    """The TFTP name of a first-stage boot file: each machine and loader has a directory of its own."""
    return f"{mac}/{loader.name}/{loader.boot_file}"


UNIFIED = "uki-"
"""Before the name of a stub, in the place of a loader's name: an image that is made when it is asked for."""
EFI = "efi"
"""In the place of a loader's name: the EFI program that the machine is to start."""


def efi_path(mac: str) -> str:
    """The TFTP name of the EFI program that a machine is to start."""
    return f"{mac}/{EFI}/boot.efi"  # UEFI HTTP Boot goes by the ending


def unified_path(mac: str, stub: str) -> str:
    """The TFTP name of the unified kernel image that is made for a machine.

    :param stub: the name of the stub
    """
    return f"{mac}/{UNIFIED}{stub}/linux.efi"


@dataclass(frozen=True, slots=True)
class LoaderRequest:
    """What a client that fetches from a boot-file directory is after: there may be no such loader."""

    mac: str
    loader: str
    name: str = field(default="", compare=False)
    """The last part of the path."""

    @property
    def stub(self) -> str | None:
        """The stub of a unified kernel image; ``None`` for a loader that lies here."""
        return self.loader.removeprefix(UNIFIED) if self.loader.startswith(UNIFIED) else None

    @property
    def is_direct(self) -> bool:
        """Whether its folder has what the machine boots, and not what leads it there."""
        return self.stub is not None or self.loader == EFI


def parse_loader_path(path: str) -> LoaderRequest | None:
    """Which loader *path* names, or ``None`` for a path that we never gave out.

    Within a machine's directory every unknown name is the loader: signed iPXE asks for ``ipxe.efi`` whatever it was
    loaded as (ipxe issue 1684), and some shims ask for the text of a boot entry (rhboot/shim issue 696).
    """
    parts = path.strip("/").split("/")
    if len(parts) < 3 or NOT_ALIASED.match(parts[-1]):
        return None
    try:
        return LoaderRequest(normalise_mac(parts[0]), parts[1], parts[-1])
    except ValueError:
        return None


def is_autoexec(path: str) -> bool:
    """Whether *path* is iPXE 2.x or Debian's 1.21 looking for a script beside the binary, or in the root."""
    return path.rsplit("/", 1)[-1].lower() == AUTOEXEC


def chain_path(mac: str, folder: str, boot_file: str) -> str:
    """The TFTP name of the shim of a signed chain.

    :param folder: what stands for the chain; its other files are beside the shim
    :param boot_file: what the shim is called
    """
    return f"{mac}/{folder}/{boot_file}"


def names_a_boot(path: str) -> bool:
    """Whether the file at *path* is what a machine boots: once it has that, nothing comes before its kernel."""
    wanted = parse_loader_path(path)
    return wanted is not None and wanted.is_direct and not is_autoexec(path)


def autoexec_script(url: str) -> str:
    """What iPXE finds beside itself: the way to its machine's script.

    A "not found" stops the chain in some builds (tinkerbell issue 424). The script frees itself, so that it does not
    end up in the initrd (ipxe issue 1723). iPXE begins with the address that the firmware got: opened and not asked
    for anew, the card needs no second DISCOVER, and no wait for an IPv6 router. Where that fails, ``autoboot`` asks.

    :param url: of the machine's script
    """
    return f"#!ipxe\nimgfree {AUTOEXEC} ||\nifopen && chain --replace {url} ||\nautoboot\n"

"""What U-Boot fetches and what it is sent: the names of ``pxe get`` (U-Boot, doc/README.pxe), and its configuration.

U-Boot asks for ``pxelinux.cfg/…`` beside its boot file, then for what that names. A colon in a name ends the name of a
server for it (net/tftp.c), so a machine's folder has dashes here. Pure; opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from pixiecore_core.boot.message import lines_of
from pixiecore_core.errors import CmdlineError
from pixiecore_core.models import normalise_mac

FOLDER = "u-boot"
BOOT_FILE = "pxelinux.0"
"""What U-Boot is told; it only goes by the folder. Where it fetches the file, that is its configuration too."""
_CONFIGS = "pxelinux.cfg"
KERNEL, INITRD, DEVICE_TREE = "kernel", "initrd", "dtb"
_PARTS = (KERNEL, INITRD, DEVICE_TREE)
_LAST = ".last"
_SCRIPTS = ("boot.scr.uimg", "boot.scr")
"""``boot_script_dhcp`` (include/config_distro_bootcmd.h; boot/bootmeth_script.c)."""
BOOT_SCRIPT = "pxe get && pxe boot\n"
"""What it is told: stock boot commands of many boards do not do so by themselves."""
_BY_MAC = re.compile(r"01((?:-[0-9a-f]{2}){6})", re.IGNORECASE)
"""The hardware type, and the card's address."""
_BY_ADDRESS = re.compile(r"[0-9A-F]{8}")
_DEFAULT = re.compile(r"default(-[a-z0-9_.-]+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What U-Boot asks for.

    :param part: of the boot, or empty for the configuration
    :param mac: whose, where the name says so
    :param prefix: of the files that the configuration names
    """

    part: str = ""
    mac: str = ""
    is_last: bool = False
    """Whether nothing comes between this part and the kernel's start."""
    prefix: str = ""


def u_boot_path(mac: str) -> str:
    """The TFTP name of the boot file that a machine is offered."""
    return f"{_folder(mac)}/{BOOT_FILE}"


def own_prefix(mac: str) -> str:
    """Of the names of a machine's files, where U-Boot asks in the root."""
    return f"{_folder(mac)}/"


def asked_by_u_boot(path: str, client: IPv4Address) -> Asked | None:
    """What *path* stands for; ``None`` where U-Boot would not ask so, or gets nothing by this name.

    :param client: the address that asks: its configuration has that for a name too
    """
    *before, name = path.strip("/").split("/")
    if before and before[-1] == _CONFIGS:
        mac = _machine(before[:-1])
        by_mac = _BY_MAC.fullmatch(name)
        if by_mac is not None:
            named = normalise_mac(by_mac[1][1:])
            return Asked(mac=named, prefix="" if mac == named else own_prefix(named))
        is_its_own = _BY_ADDRESS.fullmatch(name) and name == client.packed.hex().upper()
        if mac or is_its_own or _DEFAULT.fullmatch(name):
            return Asked(mac=mac)
        return None
    mac = _machine(before)
    if not mac:
        return None
    part, is_last = name.removesuffix(_LAST), name.endswith(_LAST)
    if part in _PARTS:
        return Asked(part, mac, is_last)
    return Asked(mac=mac) if name == BOOT_FILE else None


def is_boot_script(path: str) -> bool:
    """Whether U-Boot looks for a script before anything else, as its usual boot commands do."""
    return path.rsplit("/", 1)[-1] in _SCRIPTS


def is_u_boots(path: str) -> bool:
    """Whether U-Boot asks so, in whatever form: what it does not get is no mistake of anybody's."""
    parts = path.strip("/").split("/")
    return _CONFIGS in parts or FOLDER in parts or is_boot_script(path)


def config(prefix: str, initrd: bool, device_tree: bool, cmdline: str, message: str) -> str:
    """The configuration that boots a kernel.

    :param prefix: before the names of the parts
    :raises CmdlineError: U-Boot cannot hand on the command line as it is
    """
    names = part_names(initrd, device_tree)
    title = " ".join(" ".join(lines_of(message)).split())
    lines = [
        f"menu title {title}" if title else "",
        "default pixiecore",
        "prompt 0",
        "label pixiecore",
        f"kernel {prefix}{names[KERNEL]}",
        f"initrd {prefix}{names[INITRD]}" if initrd else "",
        f"fdt {prefix}{names[DEVICE_TREE]}" if device_tree else "",
        f"append {_argument(cmdline)}" if cmdline else "",
    ]
    return "\n".join(line for line in lines if line) + "\n"


def part_names(initrd: bool, device_tree: bool) -> dict[str, str]:
    """The names of a boot's parts. The one that U-Boot fetches last says so: the kernel, behind the initrd, or the
    device tree behind both (boot/pxe_utils.c, label_boot).
    """
    last = DEVICE_TREE if device_tree else KERNEL
    wanted = [KERNEL, *([INITRD] if initrd else []), *([DEVICE_TREE] if device_tree else [])]
    return {part: part + (_LAST if part == last else "") for part in wanted}


def _argument(cmdline: str) -> str:
    """A command line as U-Boot hands it on: it fills in its own variables, and takes quotes and backslashes away
    (common/cli_simple.c).
    """
    for position, character in enumerate(cmdline):
        if character in "\\'$" or not character.isprintable():
            raise CmdlineError(f"U-Boot cannot hand on a command line with {character!r}", position)
    return cmdline


def _folder(mac: str) -> str:
    return f"{mac.replace(':', '-')}/{FOLDER}"


def _machine(parts: Sequence[str]) -> str:
    """The machine whose folder *parts* end with; empty if it is nobody's."""
    if len(parts) < 2 or parts[-1] != FOLDER:
        return ""
    try:
        return normalise_mac(parts[-2])
    except ValueError:
        return ""

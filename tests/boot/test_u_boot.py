"""What U-Boot asks for by name, and the configuration that it is sent."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.boot.initrds import one_after_the_other
from pixiecore_core.boot.u_boot import (
    BOOT_FILE,
    DEVICE_TREE,
    INITRD,
    KERNEL,
    Asked,
    asked_by_u_boot,
    config,
    is_u_boots,
    part_names,
    u_boot_path,
)
from pixiecore_core.boot.uki import Part
from pixiecore_core.errors import CmdlineError

MAC, CLIENT = "52:54:00:12:34:56", IPv4Address("192.0.2.100")
FOLDER = "52-54-00-12-34-56/u-boot"


def test_no_colon_is_in_a_name() -> None:
    """U-Boot takes what stands before one for a server (net/tftp.c)."""
    assert u_boot_path(MAC) == f"{FOLDER}/{BOOT_FILE}"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        # In the root, where the DHCP server names us and no file: U-Boot 2023.01's order.
        ("pxelinux.cfg/01-52-54-00-12-34-56", Asked(mac=MAC, prefix=f"{FOLDER}/")),
        ("/pxelinux.cfg/01-52-54-00-12-34-56", Asked(mac=MAC, prefix=f"{FOLDER}/")),
        ("pxelinux.cfg/C0000264", Asked()),
        ("pxelinux.cfg/C0000265", None),  # another's
        ("pxelinux.cfg/C000026", None),
        ("pxelinux.cfg/default-arm-qemu-arm", Asked()),
        ("pxelinux.cfg/default-arm", Asked()),
        ("pxelinux.cfg/default", Asked()),
        ("pxelinux.cfg/00112233-4455-6677-8899-aabbccddeeff", None),
        # In the folder that it was offered.
        (f"{FOLDER}/pxelinux.cfg/01-52-54-00-12-34-56", Asked(mac=MAC)),
        (f"{FOLDER}/pxelinux.cfg/C0000264", Asked(mac=MAC)),
        (f"{FOLDER}/pxelinux.cfg/default", Asked(mac=MAC)),
        (f"{FOLDER}/{BOOT_FILE}", Asked(mac=MAC)),
        (f"{FOLDER}/kernel", Asked(KERNEL, MAC)),
        (f"{FOLDER}/kernel.last", Asked(KERNEL, MAC, is_last=True)),
        (f"{FOLDER}/initrd", Asked(INITRD, MAC)),
        (f"{FOLDER}/dtb.last", Asked(DEVICE_TREE, MAC, is_last=True)),
        # Where the DHCP server names a file in some folder, that comes before all.
        (f"boot/{FOLDER}/kernel.last", Asked(KERNEL, MAC, is_last=True)),
        ("boot/pxelinux.cfg/01-52-54-00-12-34-56", Asked(mac=MAC, prefix=f"{FOLDER}/")),
        # Not U-Boot's.
        (f"{FOLDER}/shadow", None),
        ("52:54:00:12:34:56/efi-x64/snponly.efi", None),
        ("pxelinux.cfg", None),
        ("kernel", None),
        ("x/u-boot/kernel", None),
    ],
)
def test_names(path: str, asked: Asked | None) -> None:
    assert asked_by_u_boot(path, CLIENT) == asked


def test_another_machines_name_in_a_folder_is_that_machines() -> None:
    asked = asked_by_u_boot(f"{FOLDER}/pxelinux.cfg/01-52-54-00-00-00-01", CLIENT)
    assert asked == Asked(mac="52:54:00:00:00:01", prefix="52-54-00-00-00-01/u-boot/")


def test_the_last_part_says_so() -> None:
    assert part_names(initrd=False, device_tree=False) == {"kernel": "kernel.last"}
    assert part_names(initrd=True, device_tree=False) == {"kernel": "kernel.last", "initrd": "initrd"}
    assert part_names(initrd=True, device_tree=True) == {"kernel": "kernel", "initrd": "initrd", "dtb": "dtb.last"}


def test_configuration() -> None:
    assert config("P/", initrd=True, device_tree=True, cmdline="console=ttyS0 quiet", message="Hello\n world") == (
        "menu title Hello world\ndefault pixiecore\nprompt 0\nlabel pixiecore\n"
        "kernel P/kernel\ninitrd P/initrd\nfdt P/dtb.last\nappend console=ttyS0 quiet\n"
    )
    assert "append" not in config("", initrd=False, device_tree=False, cmdline="", message="")


@pytest.mark.parametrize("character", ["'", "$", "\\", "\n", "\x07"])
def test_what_u_boot_would_change_is_refused(character: str) -> None:
    with pytest.raises(CmdlineError, match="U-Boot cannot hand on"):
        config("", initrd=False, device_tree=False, cmdline=f"a{character}b", message="")


@given(st.text(), st.text())
def test_nothing_breaks_out_of_its_line(cmdline: str, message: str) -> None:
    try:
        text = config("", initrd=False, device_tree=False, cmdline=cmdline, message=message)
    except CmdlineError:
        return
    keys = [line.split(" ")[0] for line in text.removesuffix("\n").split("\n")]
    assert set(keys) <= {"menu", "default", "prompt", "label", "kernel", "append"}


@given(st.text(max_size=200))
def test_any_path(path: str) -> None:
    asked = asked_by_u_boot(path, CLIENT)
    assert asked is None or is_u_boots(path)


def test_initrds_follow_each_other_on_whole_words() -> None:
    pieces = one_after_the_other([Part("", size) for size in (4, 5, 0, 7, 1)])
    assert [len(zeros) for zeros in pieces[::2] if isinstance(zeros, bytes)] == [0, 0, 3, 0, 1]

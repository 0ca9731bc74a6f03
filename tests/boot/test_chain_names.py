"""Names in the folder of a signed chain: each stands for something, and what is not known for the second stage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.boot.chain_names import (
    Asked,
    What,
    asked_for,
    config_name,
    initrd_names,
    is_done_without,
    kernel_name,
    part_of,
)
from pixiecore_core.firmware.chains import CHAINS, Chain

MAC = "52:54:00:12:34:56"
ROWS = {row.name: row for row in CHAINS}
IPXE, GRUB = ROWS["shim-ipxe-x86_64"], ROWS["shim-grub-x86_64"]


@pytest.mark.parametrize(
    ("name", "row", "what"),
    [
        ("shimx64.efi", IPXE, What.SHIM),
        ("SHIMX64.EFI", IPXE, What.SHIM),
        ("ipxe.efi", IPXE, What.SECOND),
        ("snponly.efi", IPXE, What.SECOND),
        ("onboard nic (ipv4)", IPXE, What.SECOND),
        ("kernel", IPXE, What.SECOND),
        ("grub.cfg", IPXE, What.SECOND),
        ("grubx64.efi", GRUB, What.SECOND),
        ("mmx64.efi", GRUB, What.MANAGER),
        ("fbx64.efi", GRUB, What.NOTHING),
        ("command.lst", GRUB, What.NOTHING),
        ("grub.cfg", GRUB, What.CONFIG),
        ("grub.cfg-01-52-54-00-12-34-56", GRUB, What.CONFIG),
        ("kernel", GRUB, What.KERNEL),
        ("initrd12.last", GRUB, What.INITRD),
    ],
)
def test_what_names_stand_for(name: str, row: Chain, what: What) -> None:
    assert asked_for(name, row).what is what


@pytest.mark.parametrize("count", [0, 1, 2, 12])
def test_what_grub_is_told_is_understood_and_ends_once(count: int) -> None:
    names = [kernel_name(count), *initrd_names(count)]
    asked = [asked_for(name, GRUB) for name in names]
    assert [one.what for one in asked] == [What.KERNEL, *[What.INITRD] * count]
    assert [one.number for one in asked[1:]] == list(range(count))
    assert [one.is_last for one in asked] == [False] * count + [True]
    assert [part_of(f"{MAC}/{GRUB.name}/{name}") for name in names] == asked
    assert part_of(f"{MAC}/{IPXE.name}/{names[0]}") is None
    assert asked_for(config_name(), GRUB) == Asked(What.CONFIG)


@pytest.mark.parametrize("name", ["revocations_sbat.efi", "shim_certificate_0.efi", "grub/x86_64-efi/fs.lst"])
def test_what_it_does_without(name: str) -> None:
    assert is_done_without(name)
    assert not is_done_without("grubx64.efi")


@given(st.text(max_size=80), st.sampled_from(CHAINS))
def test_every_name_stands_for_something(name: str, row: Chain) -> None:
    asked = asked_for(name, row)
    assert 0 <= asked.number < 1000
    part_of(name)
    is_done_without(name)

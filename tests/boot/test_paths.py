"""The names that offers give out are the names that the servers understand."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixiecore_core.boot.paths import (
    LoaderRequest,
    ServerAddress,
    is_autoexec,
    loader_path,
    parse_loader_path,
)
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.firmware.rows import Loader

MAC = "52:54:00:12:34:56"


@pytest.mark.parametrize("loader", KNOWN.loaders(), ids=lambda loader: loader.name)
def test_what_is_offered_is_understood(loader: Loader) -> None:
    """siderolabs/sidero issue 1295: the offer's name and the server's had drifted apart."""
    assert parse_loader_path(loader_path(MAC, loader)) == LoaderRequest(MAC, loader.name)


@pytest.mark.parametrize("name", ["ipxe.efi", "grubx64.efi", "WYSE BOOT ENTRY", "deeper/snponly.efi"])
def test_any_name_in_a_machines_directory_is_its_loader(name: str) -> None:
    assert parse_loader_path(f"/{MAC}/efi-x64/{name}") == LoaderRequest(MAC, "efi-x64")


@pytest.mark.parametrize(
    "path",
    ["", "/", "snponly.efi", f"{MAC}/efi-x64", "not-a-mac/bios/x", "../../etc/passwd",
     f"{MAC}/efi-x64/revocations_sbat.efi", f"{MAC}/efi-x64/shim_certificate_0.efi"],
)  # fmt: skip
def test_other_paths_are_not_ours(path: str) -> None:
    assert parse_loader_path(path) is None


@given(st.text(max_size=80))
def test_no_path_raises(path: str) -> None:
    parse_loader_path(path)


def test_autoexec_is_known_in_every_directory() -> None:
    assert is_autoexec("autoexec.ipxe")
    assert is_autoexec(f"{MAC}/efi-x64/AUTOEXEC.IPXE")
    assert not is_autoexec("autoexec.ipxe/other")


def test_the_standard_port_is_left_out_of_urls() -> None:
    assert ServerAddress(IPv4Address("192.0.2.2")).base_url == "http://192.0.2.2"
    assert ServerAddress(IPv4Address("192.0.2.2"), 8080).offered_url("x") == "http://192.0.2.2:8080/_/ipxe/x"


def test_ipxe_is_asked_for_all_that_it_knows() -> None:
    url = ServerAddress(IPv4Address("192.0.2.2")).script_url(MAC, "TOKEN")
    assert url.startswith(f"http://192.0.2.2/_/ipxe?mac={MAC}&from=TOKEN&net0=${{net0/mac}}")
    told = (
        "uuid",
        "serial:uristring",
        "asset:uristring",
        "board-serial:uristring",
        "manufacturer:uristring",
        "product:uristring",
        "hostname:uristring",
        "buildarch",
        "platform",
        "version:uristring",
        "netX/chip:uristring",
        "netX/busid",
        "netX/ip",
    )
    for setting in told:
        assert f"=${{{setting}}}" in url
    assert len(url) < 800, "so long a URL was seen to work with the iPXE of 2019, BIOS and EFI"

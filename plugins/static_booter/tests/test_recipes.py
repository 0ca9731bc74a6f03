"""The recipes that come along: for every version, processor and firmware they come to URLs and one clean line."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pixiecore_static_booter.catalogue import recipes
from pixiecore_static_booter.quick import QuickSettings
from pixiecore_static_booter.recipe import Boot, Family

from pixiecore_core import FileRef
from pixiecore_core import expand_cmdline as expand

MIRROR = "http://mirror.test/below/here"
RECIPES = recipes()
NEXT_YEARS = {
    "alma": "11",
    "alpine": "v3.30",
    "arch": "2027.02.01",
    "centos": "11",
    "fedora": "46",
    "opensuse": "16.2",
    "rocky": "10.3",
    "ubuntu": "28.04",
}
FAMILIES: tuple[Family, ...] = ("BIOS", "UEFI")
ALL = [
    (name, version, architecture, firmware)
    for name, recipe in RECIPES.items()
    for version in [*recipe.versions, *([NEXT_YEARS[name]] if recipe.other_versions else [])]
    for architecture in recipe.architectures
    for firmware in FAMILIES
    if architecture != "arm64" or firmware == "UEFI"
]


def made(name: str, version: str, architecture: str, firmware: Family, mirror: str = "") -> Boot:
    recipe = RECIPES[name]
    boot = recipe.boot(recipe.check_version(version), architecture, firmware, mirror)
    assert boot is not None
    return boot


def test_they_are_those_that_the_readme_promises() -> None:
    assert list(RECIPES) == [
        *("alma", "alpine", "arch", "centos", "debian", "fedora", "flatcar", "netboot.xyz", "opensuse", "rocky"),
        "ubuntu",
    ]


def without_syslog(boot: Boot) -> str:
    """The command line where no syslog is taken."""
    return expand(boot.cmdline, {"SYSLOG": lambda words: ""})


@pytest.mark.parametrize(
    ("name", "told"),
    [
        *((name, "inst.syslog=192.0.2.2:514") for name in ("alma", "centos", "fedora", "rocky")),
        ("debian", "log_host=192.0.2.2 log_port=514"),
    ],
)
def test_installers_are_told_where_syslog_is_taken(name: str, told: str) -> None:
    boot = made(name, RECIPES[name].versions[0], "x86_64", "UEFI")
    line = expand(boot.cmdline, {"SYSLOG": lambda words: words.replace("HOST", "192.0.2.2").replace("PORT", "514")})
    assert f" {line}".endswith(f" {told}")


@pytest.mark.parametrize(("name", "version", "architecture", "firmware"), ALL)
def test_everything_is_a_url_and_one_line(name: str, version: str, architecture: str, firmware: Family) -> None:
    boot = made(name, version, architecture, firmware)
    for text in (boot.kernel, *boot.initrds):
        parts = urlsplit(FileRef.from_text(text).location)
        assert parts.scheme == "https"
        assert "." in (parts.hostname or "")
        assert re.fullmatch(r"(/[\w.+~-]+)+", parts.path), text
    cmdline = without_syslog(boot)
    assert not re.search(r"[{}\n]|  ", cmdline)
    assert cmdline == cmdline.strip()
    if boot.initrds:  # netboot.xyz is an iPXE, which needs none
        assert firmware == "UEFI" or made(name, version, architecture, "UEFI") == boot


@pytest.mark.parametrize(("name", "version", "architecture", "firmware"), ALL)
def test_a_mirror_replaces_every_address(name: str, version: str, architecture: str, firmware: Family) -> None:
    boot = made(name, version, architecture, firmware, MIRROR + "/")
    for url in (boot.kernel, *boot.initrds, *re.findall(r"https?://\S+", without_syslog(boot))):
        assert url.startswith(MIRROR + "/")
        assert "//" not in url.removeprefix("http://")


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("alma", "inst.repo"),
        ("alpine", "alpine_repo"),
        ("alpine", "modloop"),
        ("arch", "archiso_http_srv"),
        ("centos", "inst.repo"),
        ("fedora", "inst.repo"),
        ("opensuse", "root=live:|install"),
        ("rocky", "inst.repo"),
        ("ubuntu", "url"),
    ],
)
def test_the_installer_is_told_where_its_tree_is(name: str, argument: str) -> None:
    recipe = RECIPES[name]
    for version in recipe.versions:
        for architecture in recipe.architectures:
            boot = made(name, version, architecture, "UEFI", MIRROR)
            values = re.findall(rf"(?:^| )(?:{argument})=?({MIRROR}/\S+)", without_syslog(boot))
            assert len(values) == 1, boot.cmdline
            assert version in values[0]


@pytest.mark.parametrize(
    ("name", "version", "architecture", "kernel"),
    [
        (
            "debian",
            "trixie",
            "arm64",
            "dists/trixie/main/installer-arm64/current/images/netboot/debian-installer/arm64/linux",
        ),
        ("fedora", "44", "arm64", "releases/44/Everything/aarch64/os/images/pxeboot/vmlinuz"),
        ("fedora", "rawhide", "x86_64", "development/rawhide/Everything/x86_64/os/images/pxeboot/vmlinuz"),
        ("ubuntu", "26.04", "x86_64", "26.04/netboot/amd64/linux"),
        ("ubuntu", "26.04", "arm64", "26.04/release/netboot/arm64/linux"),
        ("opensuse", "15.6", "x86_64", "distribution/leap/15.6/repo/oss/boot/x86_64/loader/linux"),
        ("opensuse", "tumbleweed", "arm64", "ports/aarch64/tumbleweed/repo/oss/boot/aarch64/linux"),
        ("alpine", "edge", "i386", "edge/releases/x86/netboot/vmlinuz-lts"),
    ],
)
def test_the_layouts_of_the_mirrors(name: str, version: str, architecture: str, kernel: str) -> None:
    assert made(name, version, architecture, "UEFI", MIRROR).kernel == f"{MIRROR}/{kernel}"


@pytest.mark.parametrize("name", NEXT_YEARS)
def test_versions_have_ascii_digits(name: str) -> None:
    version = NEXT_YEARS[name]
    assert RECIPES[name].check_version(version) == version
    with pytest.raises(ValueError, match="there is no version"):
        RECIPES[name].check_version(re.sub(r"\d(?!.*\d)", "\N{FULLWIDTH DIGIT ONE}", version))


def test_ubuntu_without_a_netboot_folder_is_refused() -> None:
    for version in ("22.04", "20.04", "18.04"):
        with pytest.raises(ValueError, match="there is no version"):
            RECIPES["ubuntu"].check_version(version)
    assert RECIPES["ubuntu"].check_version("30.10") == "30.10"


def test_ubuntus_iso_is_that_of_the_point_release() -> None:
    boot = made("ubuntu", "24.04", "arm64", "UEFI")
    assert boot.cmdline.endswith(
        " url=https://cdimage.ubuntu.com/releases/24.04/release/ubuntu-24.04.5-live-server-arm64.iso"
    )


def test_flatcars_channel_is_a_host() -> None:
    kernel = made("flatcar", "lts", "x86_64", "UEFI").kernel
    assert kernel.startswith("https://lts.release.flatcar-linux.net/amd64-usr/current/")


def test_netboot_xyz_is_another_file_for_each_firmware() -> None:
    kinds = [("x86_64", "BIOS"), ("x86_64", "UEFI"), ("arm64", "UEFI")]
    kernels = {
        made("netboot.xyz", "latest", architecture, firmware).kernel.rpartition("/")[2]
        for architecture, firmware in kinds
        for firmware in FAMILIES
        if (architecture, firmware) in kinds
    }
    assert kernels == {"netboot.xyz.lkrn", "netboot.xyz.efi", "netboot.xyz-arm64.efi"}
    assert RECIPES["netboot.xyz"].boot("latest", "x86_64", None) is None


def test_every_recipe_is_on_the_page_with_its_versions() -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "quick.md"
    rows = {line.split("`")[1]: line for line in page.read_text().splitlines() if line.startswith("| `")}
    assert list(rows) == list(RECIPES)
    for name, recipe in RECIPES.items():
        for word in (*recipe.versions, *recipe.aliases, *recipe.architectures):
            assert f"`{word}`" in rows[name], f"{word} is missing in the row of {name}"


def test_every_recipe_is_a_valid_setting() -> None:
    for name, recipe in RECIPES.items():
        for text in (name, *recipe.aliases):
            assert QuickSettings.model_validate({"recipe": text}).specs(recipe)

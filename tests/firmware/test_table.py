"""The table of firmware: what the registry says, what iPXE says of itself, and rows that plugins bring."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pixiecore_core import Firmware, FirmwareFamily, Loader, Transport
from pixiecore_core.errors import ConfigError
from pixiecore_core.firmware.known import KNOWN, ROWS
from pixiecore_core.firmware.table import FirmwareTable

LOADER = Loader(
    name="efi-new",
    serves="new machines",
    boot_file="new.efi",
    setting="ipxe_new",
    files=("new.efi",),
    pe_machine=0x268,
)
NEW = Firmware(cpu="new", family=FirmwareFamily.UEFI, codes=(900,), platform="efi", loader=LOADER)


def test_the_registry_of_architectures() -> None:
    """IANA, "Processor Architecture Types": the codes of EDK2 (PxeBcDhcp4.h) among them."""
    pairs = {row.code: (row.family, row.cpu, row.transport) for row in KNOWN.architectures()}
    uefi = FirmwareFamily.UEFI
    assert pairs[6] == (uefi, "i386", Transport.PXE)
    assert pairs[7] == pairs[9] == (uefi, "x86_64", Transport.PXE)
    assert pairs[16] == (uefi, "x86_64", Transport.HTTP)
    assert pairs[11] == (uefi, "arm64", Transport.PXE)
    assert pairs[27] == (uefi, "riscv64", Transport.PXE)
    assert sorted(pairs) == list(range(42))


def test_an_unknown_code_stays_a_value() -> None:
    assert str(KNOWN.architecture(4711)) == "unknown architecture 4711"
    assert str(KNOWN.architecture(16)) == "UEFI x86_64 HTTP Boot"
    assert KNOWN.loader_for(KNOWN.architecture(4711)) is None


def test_what_ipxe_says_of_its_build() -> None:
    assert KNOWN.of_build("x86_64", "pcbios") == KNOWN.architecture(0)
    assert KNOWN.of_build("arm64", "efi") == KNOWN.architecture(11)
    assert KNOWN.of_build("m68k", "efi") is None
    assert KNOWN.of_build("i386", "linux") is None
    assert KNOWN.of_build("i386", "") is None


def test_a_bios_that_says_i386_starts_both() -> None:
    assert KNOWN.architecture(0).processors == ("x86_64", "i386")
    assert KNOWN.architecture(6).processors == ("i386",)


def test_an_ipxe_without_http_on_bios_takes_another_file() -> None:
    names = [loader.name for ipxe in (False, True) if (loader := KNOWN.loader_for(KNOWN.architecture(0), ipxe))]
    assert names == ["bios", "bios-ipxe"]
    assert KNOWN.loader_for(KNOWN.architecture(7), ipxe=True) == KNOWN.loader("efi-x64")


def test_a_plugins_row_is_as_good_as_ours() -> None:
    table = KNOWN.extended({"mine": [NEW]})
    assert str(table.architecture(900)) == "UEFI new"
    assert table.of_build("new", "efi") == table.architecture(900)
    assert table.loader_for(table.architecture(900)) == LOADER == table.loader("efi-new")
    assert KNOWN.loader("efi-new") is None


def test_a_further_bios_row_changes_nothing_for_the_others() -> None:
    row = Firmware(cpu="i586", family=FirmwareFamily.BIOS, codes=(900,), platform="pcbios")
    table = KNOWN.extended({"mine": [row]})
    assert table.of_build("x86_64", "pcbios") == table.of_build("i386", "pcbios") == KNOWN.architecture(0)
    assert table.of_build("i586", "pcbios") == table.architecture(900)


def test_a_loaders_setting_is_none_of_the_servers() -> None:
    with pytest.raises(ValidationError, match="setting"):
        Loader.model_validate(LOADER.model_dump() | {"setting": "port"})


def test_a_plugins_row_replaces_one_that_has_no_loader() -> None:
    codes = {"cpu": "riscv32", "codes": (25,), "http_codes": (26,)}
    table = KNOWN.extended({"mine": [NEW.model_copy(update=codes)]})
    assert table.loader_for(table.architecture(26)) == LOADER
    assert table.of_build("riscv32", "efi") == table.architecture(25)
    assert KNOWN.loader_for(KNOWN.architecture(26)) is None
    with pytest.raises(ConfigError, match="to replace that row, which has no loader, take all its codes: 25, 26"):
        KNOWN.extended({"mine": [NEW.model_copy(update=codes | {"http_codes": ()})]})
    with pytest.raises(ConfigError, match="already has for UEFI riscv32; use --disable-plugin"):
        KNOWN.extended({"mine": [NEW.model_copy(update=codes | {"loader": None})]})


@pytest.mark.parametrize(
    ("change", "what"),
    [({"codes": (7,)}, "architecture code 7"), ({"codes": (900, 16)}, "architecture code 16")],
)
def test_a_code_that_stands_twice_is_refused(change: dict[str, object], what: str) -> None:
    row = NEW.model_copy(update=change)
    reason = f"plugin 'mine': its firmware UEFI new has the {what}, which the core already has"
    with pytest.raises(ConfigError, match=reason):
        KNOWN.extended({"mine": [row]})


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (NEW, "architecture code 900"),
        (NEW.model_copy(update={"codes": (901,)}), "loader 'efi-new'"),
        (
            NEW.model_copy(update={"codes": (901,), "loader": LOADER.model_copy(update={"name": "efi-other"})}),
            "loader setting 'ipxe_new'",
        ),
    ],
)
def test_both_plugins_are_named(other: Firmware, what: str) -> None:
    with pytest.raises(ConfigError, match=rf"plugin 'b': .* has the {what}, which plugin 'a' already has for UEFI new"):
        FirmwareTable({"core": ROWS, "a": [NEW], "b": [other]})


@pytest.mark.parametrize(
    "row",
    [
        {"cpu": "new", "family": "UEFI"},
        {"cpu": "a b", "family": "UEFI", "codes": (900,)},
        {"cpu": "new", "family": "UEFI", "codes": (70_000,)},
        {"cpu": "new", "family": "Amiga", "codes": (900,)},
        {"cpu": "new", "family": "UEFI", "codes": (900,), "loader": LOADER.model_copy(update={"pe_machine": None})},
    ],
)
def test_a_row_that_cannot_work_is_refused(row: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Firmware.model_validate(row)

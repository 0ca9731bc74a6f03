"""Signed chains on this system: found by their names and processors, and what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixiecore_core.errors import ConfigError
from pixiecore_core.firmware.chains import CHAINS, find_chains
from pixiecore_core.firmware.known import KNOWN
from tests.programs import program

X64, ARM64 = program(), program(0xAA64)


def folder(path: Path, **files: bytes) -> Path:
    for name, content in files.items():
        file = path / name.replace("__", "/").replace("_efi", ".efi").replace("_signed", ".signed")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return path


def test_every_row_is_for_a_processor_that_uefi_has() -> None:
    assert {row.cpu for row in CHAINS} <= {row.cpu for row in KNOWN.rows if row.platform == "efi"}
    assert len({row.name for row in CHAINS}) == len(CHAINS)


def test_ipxes_archive_as_it_is_unpacked(tmp_path: Path) -> None:
    """Folders by processor, with the names of iPXE 2.0's ipxeboot.tar.gz."""
    for name, content in (("x86_64-sb", X64), ("arm64-sb", ARM64)):
        tag = "x64" if content is X64 else "aa64"
        below = tmp_path / name
        below.mkdir()
        for file in (f"shim{tag}.efi", "ipxe.efi", "snponly.efi"):
            (below / file).write_bytes(content)
    found = find_chains("ipxe", "--secureboot-ipxe", tmp_path)
    assert set(found) == {"x86_64", "arm64"}
    assert found["x86_64"].shims == {"2011": tmp_path / "x86_64-sb" / "shimx64.efi"}
    assert found["x86_64"].second == tmp_path / "x86_64-sb" / "snponly.efi"
    assert found["arm64"].manager is None


def test_two_shims_and_a_manager(tmp_path: Path) -> None:
    made = folder(tmp_path, shimx64_efi=X64, **{"2023__shimx64_efi": X64}, ipxe_efi=X64, mmx64_efi=X64)
    chain = find_chains("ipxe", "--secureboot-ipxe", made)["x86_64"]
    assert chain.shims == {"2011": made / "shimx64.efi", "2023": made / "2023" / "shimx64.efi"}
    assert (chain.second, chain.manager) == (made / "ipxe.efi", made / "mmx64.efi")


def test_a_relative_folder_is_made_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is opened long after the start, by an absolute path."""
    folder(tmp_path / "signed", shimx64_efi=X64, ipxe_efi=X64)
    monkeypatch.chdir(tmp_path)
    assert find_chains("ipxe", "--secureboot-ipxe", Path("signed"))["x86_64"].second.is_absolute()


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"shimx64_efi": X64},
        {"ipxe_efi": X64},
        {"shimx64_efi": ARM64, "ipxe_efi": ARM64},
        {"shimx64_efi": b"text", "ipxe_efi": b"text"},
    ],
)
def test_what_is_no_chain_is_told(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(ConfigError, match=r"--secureboot-ipxe: there is no chain in .*: looked for a shim such as"):
        find_chains("ipxe", "--secureboot-ipxe", folder(tmp_path, **files))


def test_debians_names_in_one_folder(tmp_path: Path) -> None:
    made = folder(tmp_path, shimx64_efi_signed=X64, grubnetx64_efi_signed=X64, mmx64_efi_signed=X64, grubx64_efi=X64)
    chain = find_chains("grub", "--secureboot-grub", made)["x86_64"]
    assert chain.second.name == "grubnetx64.efi.signed", "the one that is made for networks"
    assert chain.manager == made / "mmx64.efi.signed"

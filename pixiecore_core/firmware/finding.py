"""Finds the first-stage loaders that this system has: none are shipped, stock ones from the distribution are enough.

Looks at the paths the user gave, then where distributions install them, then in the user's data folder. Reads a few
bytes of each to see that it is what its name claims. Serves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pixiecore_core.errors import ConfigError
from pixiecore_core.firmware.known import FOLDERS, STUB_FOLDERS
from pixiecore_core.firmware.rows import Loader, Stub
from pixiecore_core.firmware.table import FirmwareTable


def loader_option(loader: Loader | Stub) -> str:
    """The option that names another file in a loader's or a stub's place: ``--ipxe-efi64``."""
    return "--" + loader.setting.replace("_", "-")


@dataclass(frozen=True, slots=True)
class FoundLoaders:
    """Which of a table's loaders this system has.

    :param paths: by the loader's name
    :param data_folder: where a user may put others
    """

    table: FirmwareTable
    paths: Mapping[str, Path]
    data_folder: Path
    stubs: Mapping[str, Path] = field(default_factory=dict)
    """The EFI stubs, by their names."""

    def missing(self) -> list[Loader]:
        """The loaders for which nothing was found."""
        return [loader for loader in self.table.loaders() if loader.name not in self.paths]

    def how_to_get(self, loader: Loader | Stub, os_release: str = "/etc/os-release") -> str:
        """What to do about a missing loader or stub, on this system."""
        command = _install_command(loader, os_release)
        by_hand = f"put {loader.files[0]} into {self.data_folder}, or give {loader_option(loader)} PATH"
        return f"{command}; or {by_hand}" if command else by_hand

    def in_short(self, stub: Stub, os_release: str = "/etc/os-release") -> str:
        """The same in a few words: one way, where there are several."""
        return _install_command(stub, os_release) or f"give {loader_option(stub)} PATH"


def find_loaders(
    table: FirmwareTable,
    given: Mapping[str, Path],
    data_folder: Path,
    folders: tuple[str, ...] = FOLDERS,
    stub_folders: tuple[str, ...] = STUB_FOLDERS,
) -> FoundLoaders:
    """Look for every loader.

    :param given: the paths the user named, by loader or setting of a stub, which win and must be right
    :param data_folder: the user's own, looked at last
    :raises ConfigError: a path the user gave cannot be read, or is for another CPU
    """
    paths = {}
    for loader in table.loaders():
        if loader.name in given:
            problem = _unusable(given[loader.name], loader)
            if problem:
                raise ConfigError(loader_option(loader), f"{given[loader.name]} {problem}")
            paths[loader.name] = given[loader.name]
            continue
        candidates = (Path(folder, name) for folder in (*map(Path, folders), data_folder) for name in loader.files)
        found = next((path for path in candidates if _unusable(path, loader) is None), None)
        if found is not None:
            paths[loader.name] = found
    return FoundLoaders(
        table, paths, data_folder, dict(_find_stubs(table, given, (*map(Path, stub_folders), data_folder)))
    )


def _find_stubs(table: FirmwareTable, given: Mapping[str, Path], folders: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    for stub in table.stubs():
        if stub.setting in given:
            problem = _unusable(given[stub.setting], stub)
            if problem:
                raise ConfigError(loader_option(stub), f"{given[stub.setting]} {problem}")
            yield stub.name, given[stub.setting]
            continue
        candidates = (folder / name for folder in folders for name in stub.files)
        found = next((path for path in candidates if _unusable(path, stub) is None), None)
        if found is not None:
            yield stub.name, found


def _unusable(path: Path, loader: Loader | Stub) -> str | None:
    """What is wrong with *path* as this loader, as the end of a sentence."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not head:
        return "is empty"
    if loader.pe_machine is None:
        return "is an EFI program, which BIOS cannot run" if head.startswith(b"MZ") else None
    pe_header = int.from_bytes(head[60:64], "little")
    if not head.startswith(b"MZ") or head[pe_header : pe_header + 4] != b"PE\0\0":
        return "is not an EFI program"
    machine = int.from_bytes(head[pe_header + 4 : pe_header + 6], "little")
    if machine != loader.pe_machine:
        return f"is built for another CPU (PE machine {machine:#06x}, not {loader.pe_machine:#06x})"
    return None


def _install_command(loader: Loader | Stub, os_release: str) -> str | None:
    try:
        lines = Path(os_release).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    systems = " ".join(fields.get(key, "").strip("\"'") for key in ("ID", "ID_LIKE")).split()
    return next((loader.packages[system] for system in systems if system in loader.packages), None)

"""Finds the first-stage loaders that this system has: none are shipped, stock ones from the distribution are enough.

Looks at the paths the user gave, then where distributions install them, then in the user's data folder. Reads each
once, when the server starts: that it is what its name claims, and which iPXE it is. Serves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pixiecore_core.errors import ConfigError, WireError
from pixiecore_core.firmware.chains import FoundChains
from pixiecore_core.firmware.known import FOLDERS, STUB_FOLDERS
from pixiecore_core.firmware.rows import Loader, Stub
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.wire.ipxe_version import version_in
from pixiecore_core.wire.pe import HEADER_BYTES, machine_of

_MOST_BYTES = 16 << 20
"""iPXE has about one megabyte."""


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
    versions: Mapping[str, str] = field(default_factory=dict)
    """Which iPXE a loader says it is, by the loader's name; of one that does not say, nothing."""
    chains: FoundChains = field(default_factory=FoundChains)
    """Signed loaders for machines with Secure Boot."""

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
    """Look for every loader and every stub.

    :param given: the paths the user named, by the setting that names them, which win and must be right
    :param data_folder: the user's own, looked at last
    :raises ConfigError: a path the user gave cannot be read, or is for another CPU
    """

    def found(wanted: Iterable[Loader | Stub], among: tuple[str, ...]) -> dict[str, Path]:
        places = (*map(Path, among), data_folder)
        paths = ((one.name, _find(one, given.get(one.setting), places)) for one in wanted)
        return {name: path for name, path in paths if path is not None}

    paths, stubs = found(table.loaders(), folders), found(table.stubs(), stub_folders)
    return FoundLoaders(table, paths, data_folder, stubs, _versions(paths))


def _versions(paths: Mapping[str, Path]) -> dict[str, str]:
    versions = {name: _version(path) for name, path in paths.items()}
    return {name: version for name, version in versions.items() if version}


def _version(path: Path) -> str:
    """Which iPXE a file says it is; empty where it does not, or is too long to be one."""
    try:
        with path.open("rb") as file:
            return version_in(file.read(_MOST_BYTES))
    except OSError:
        return ""


def _find(wanted: Loader | Stub, given: Path | None, folders: Sequence[Path]) -> Path | None:
    """Where a loader or a stub is: where the user says, or else the first of its names that is one."""
    if given is None:
        candidates = (folder / name for folder in folders for name in wanted.files)
        return next((path for path in candidates if _unusable(path, wanted) is None), None)
    problem = _unusable(given, wanted)
    if problem:
        raise ConfigError(loader_option(wanted), f"{given} {problem}")
    return given.absolute()


def _unusable(path: Path, loader: Loader | Stub) -> str | None:
    """What is wrong with *path* as this loader, as the end of a sentence."""
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not head:
        return "is empty"
    if loader.pe_machine is None:
        return "is an EFI program, which BIOS cannot run" if head.startswith(b"MZ") else None
    try:
        machine = machine_of(head)
    except WireError:
        return "is not an EFI program"
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

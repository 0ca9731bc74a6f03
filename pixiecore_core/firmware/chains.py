"""Signed boot loaders that firmware with Microsoft's keys starts: a shim, and the second stage that it trusts.

The rows are data with their sources; finding looks at files, as for loaders. A second stage is only ever named by its
shim, so all files of a chain are in one folder that is made up for a machine. Serves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pixiecore_core.errors import ConfigError, WireError
from pixiecore_core.wire.pe import HEADER_BYTES, machine_of

Kind = Literal["ipxe", "grub"]
"""What the second stage is."""
Signer = Literal["2011", "2023"]
"""Which of Microsoft's certificates a shim is signed by; a machine knows one of them, or both."""


FOLDER = "shim-{kind}-{cpu}"
"""What stands for a chain in boot-file paths."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The files of one kind for one processor, by their names."""

    kind: Kind
    cpu: str
    """As the table of firmware names it."""
    tag: str
    """What shim's file names have for the processor (rhboot/shim, Make.defaults): ``x64``."""
    pe_machine: int
    second: tuple[str, ...]
    """Names of the second stage, the best first."""
    folders: tuple[str, ...] = ()
    """Where distributions put the files, for who names no folder; below a folder that is named, nothing is added."""
    below: tuple[str, ...] = ()
    """Folders within one that is named, where they may be too."""
    seen: bool = False
    """Whether files of these names were seen by whoever wrote the row."""
    source: str = ""

    @property
    def name(self) -> str:
        """Also the folder in boot-file paths."""
        return FOLDER.format(kind=self.kind, cpu=self.cpu)

    @property
    def boot_file(self) -> str:
        """What clients are told that the shim is called; iPXE's then asks for ``ipxe.efi``, others ``grubx64.efi``."""
        return f"shim{self.tag}.efi"

    def shims(self, signer: Signer) -> tuple[str, ...]:
        """Names of the shim that is signed by a certificate, the best first; nobody has agreed on any for 2023."""
        tag = self.tag
        if signer == "2023":
            return (f"2023/shim{tag}.efi", f"shim{tag}-2023.efi", f"shim{tag}.2023.efi")
        own = f"shim{tag}.efi"
        if self.kind == "grub":
            return (f"{own}.signed.latest", f"{own}.signed", own)
        of_ipxe = ("snponly-shim", "ipxe-shim")
        return (own, *(f"{name}{tag}.efi" for name in of_ipxe), *(f"{name}.efi" for name in of_ipxe), f"2011/{own}")

    @property
    def managers(self) -> tuple[str, ...]:
        """Names of MokManager, which shim starts where somebody is to enrol a key."""
        return (f"mm{self.tag}.efi.signed", f"mm{self.tag}.efi")


_SHIM = "/usr/lib/shim"
_IPXE_SECOND = ("snponly.efi", "ipxe.efi")  # the firmware's own driver before iPXE's, as for unsigned ones

CHAINS = (
    Chain(
        "ipxe",
        "x86_64",
        "x64",
        0x8664,
        _IPXE_SECOND,
        below=("x86_64-sb",),
        source="iPXE 2.0's ipxeboot.tar.gz; ipxe/shim's releases have x64 and aa64",
    ),
    Chain("ipxe", "arm64", "aa64", 0xAA64, _IPXE_SECOND, below=("arm64-sb",), source="the same"),
    Chain("ipxe", "i386", "ia32", 0x014C, _IPXE_SECOND, below=("i386-sb",), source="as they would be called"),
    Chain(
        "grub",
        "x86_64",
        "x64",
        0x8664,
        ("grubnetx64.efi.signed", "grubnetx64.efi", "grubx64.efi"),
        folders=(_SHIM, "/usr/lib/grub/x86_64-efi-signed", "/boot/efi/EFI/fedora"),
        seen=True,
        source="shim-signed and grub-efi-amd64-signed of Debian 12; nobody has seen Ubuntu's and Fedora's",
    ),
    Chain(
        "grub",
        "arm64",
        "aa64",
        0xAA64,
        ("grubnetaa64.efi.signed", "grubnetaa64.efi", "grubaa64.efi"),
        folders=(_SHIM, "/usr/lib/grub/arm64-efi-signed", "/boot/efi/EFI/fedora"),
        source="as for x64",
    ),
    Chain(
        "grub",
        "i386",
        "ia32",
        0x014C,
        ("grubnetia32.efi.signed", "grubnetia32.efi", "grubia32.efi"),
        folders=(_SHIM, "/usr/lib/grub/i386-efi-signed"),
        source="as for x64",
    ),
)
"""Every chain that is known."""


@dataclass(frozen=True, slots=True)
class FoundChain:
    """A chain whose files this system has."""

    row: Chain
    shims: Mapping[Signer, Path]
    second: Path
    manager: Path | None = None


@dataclass(frozen=True, slots=True)
class FoundChains:
    """The chains of this system, and which shim a machine gets."""

    chains: Mapping[str, FoundChain] = field(default_factory=dict)
    """By the processor."""
    signer: Signer = "2011"
    """For a machine that has no choice of its own."""
    signers: Mapping[str, Signer] = field(default_factory=dict)
    """By the machine's MAC address."""

    def signer_for(self, chain: FoundChain, mac: str) -> Signer:
        """Which shim a machine gets: the one chosen for it, or where that is not here, the other."""
        chosen = self.signers.get(mac, self.signer)
        return chosen if chosen in chain.shims else next(iter(chain.shims))

    def named(self, folder: str) -> tuple[FoundChain, Signer] | None:
        """What a folder of a boot-file path stands for."""
        for chain in self.chains.values():
            for signer in chain.shims:
                if folder == folder_name(chain.row, signer):
                    return chain, signer
            if folder == chain.row.name:  # as GRUB's first configuration names it, whichever shim there is
                return chain, next(iter(chain.shims))
        return None


def folder_name(row: Chain, signer: Signer) -> str:
    """The folder in boot-file paths."""
    return row.name if signer == "2011" else f"{row.name}-{signer}"


def find_chains(kind: Kind, option: str, folder: Path | None, rows: Iterable[Chain] = CHAINS) -> dict[str, FoundChain]:
    """The chains of a kind that are here, by the processor.

    :param option: what names the folder, for messages
    :param folder: the user's; ``None`` for where distributions put them
    :raises ConfigError: there is none; the message says what was looked for, and where
    """
    rows = [row for row in rows if row.kind == kind]
    found = {}
    for row in rows:
        if folder is None:
            places = [Path(place) for place in row.folders]
        else:
            places = [folder.absolute() / below for below in ("", *row.below)]
        chain = _find(row, places)
        if chain is not None:
            found[row.cpu] = chain
    if not found:
        row = rows[0]
        where = folder if folder is not None else ", ".join(row.folders)
        names = f"a shim such as {row.boot_file}, and {row.second[-1]}"
        get = "; apt-get install shim-signed grub-efi-amd64-signed" if kind == "grub" else ""
        raise ConfigError(option, f"there is no chain in {where}: looked for {names}{get}")
    return found


def _find(row: Chain, places: Sequence[Path]) -> FoundChain | None:
    def first(names: Iterable[str]) -> Path | None:
        paths = (place / name for place in places for name in names)
        return next((path for path in paths if _is_for(path, row.pe_machine)), None)

    signers: tuple[Signer, ...] = ("2011", "2023")
    shims = {signer: path for signer in signers if (path := first(row.shims(signer))) is not None}
    second = first(row.second)
    if not shims or second is None:
        return None
    return FoundChain(row, shims, second, first(row.managers))


def _is_for(path: Path, machine: int) -> bool:
    try:
        with path.open("rb") as file:
            return machine_of(file.read(HEADER_BYTES)) == machine
    except (OSError, WireError):
        return False

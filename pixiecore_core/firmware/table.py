"""What can be asked of the rows: whose code is it, whose iPXE build, which loader is this.

A code that is in no row stays a value: it must never raise, since new ones appear every year. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pixiecore_core.errors import ConfigError
from pixiecore_core.firmware.rows import Architecture, Firmware, FirmwareFamily, Loader, Stub

Owners = Mapping[str, Sequence[Firmware]]
"""Rows by whose they are: ``core``, or the name of a plugin."""


class FirmwareTable:
    """All rows, the core's own and those of plugins.

    :param owners: the rows; an architecture code, a loader and a loader's setting each appear in only one of them
    :raises ConfigError: one appears twice; the message names both owners
    """

    def __init__(self, owners: Owners) -> None:
        self.owners = {owner: tuple(rows) for owner, rows in owners.items()}
        self.rows = tuple(row for rows in self.owners.values() for row in rows)
        self._rows: dict[int, Firmware] = {}
        self._architectures: dict[int, Architecture] = {}
        self._loaders: dict[str, Loader] = {}
        self._meant = {(row.says, maker): row for row in self.rows for maker in row.makers}
        taken: dict[tuple[str, object], tuple[str, Firmware]] = {}
        for owner, row in ((owner, row) for owner, rows in self.owners.items() for row in rows):
            for what, value in _unique(row):
                if (what, value) in taken:
                    raise _twice(what, value, (owner, row), taken[what, value])
                taken[what, value] = owner, row
            for architecture in row.architectures():
                self._rows[architecture.code] = row
                self._architectures[architecture.code] = architecture
            self._loaders |= {loader.name: loader for loader in row.loaders()}

    def extended(self, owners: Owners) -> FirmwareTable:
        """This table with further rows. One with a loader and all codes of a row that has none takes its place.

        :raises ConfigError: as the class
        """
        if not owners:
            return self
        bringing = [set(_codes(row)) for rows in owners.values() for row in rows if row.loaders()]

        def stays(row: Firmware) -> bool:
            return bool(row.loaders()) or not any(codes >= set(_codes(row)) for codes in bringing)

        ours = {owner: tuple(filter(stays, rows)) for owner, rows in self.owners.items()}
        return FirmwareTable({**ours, **owners})

    def architecture(self, code: int) -> Architecture:
        """What *code* means, or a value that says "unknown" and keeps the number."""
        known = self._architectures.get(code)
        return known or Architecture(code=code, cpu="unknown", family=FirmwareFamily.OTHER)

    def meant(self, architecture: Architecture, mac: str) -> Architecture:
        """What a card with this address means that says it is *architecture*: some ROMs know no better."""
        row = self._meant.get((architecture.code, mac[:8]))
        return row.architectures()[0] if row is not None else architecture

    def row(self, code: int) -> Firmware | None:
        """The row that *code* is in."""
        return self._rows.get(code)

    def architectures(self) -> tuple[Architecture, ...]:
        """What each known code means."""
        return tuple(self._architectures.values())

    def of_build(self, buildarch: str, platform: str) -> Architecture | None:
        """The architecture that an iPXE build gives for itself in a script URL.

        :param buildarch: iPXE's ``${buildarch}``: ``i386``, ``x86_64``, ``arm64``, …
        :param platform: iPXE's ``${platform}``: ``pcbios`` or ``efi``
        :returns: ``None`` where the pair means nothing to us
        """
        rows = [row for row in self.rows if platform and row.platform == platform]
        row = next((row for row in rows if row.cpu == buildarch), None)
        # On BIOS, which says i386, the build may be made for x86_64.
        row = row or next((row for row in rows if buildarch in row.runs), None)
        return row.architectures()[0] if row is not None else None

    def loader(self, name: str) -> Loader | None:
        """The loader called *name*."""
        return self._loaders.get(name)

    def stub(self, name: str) -> Stub | None:
        """The stub called *name*."""
        return next((stub for stub in self.stubs() if stub.name == name), None)

    def stubs(self) -> tuple[Stub, ...]:
        """Every EFI stub, in the order of the rows."""
        return tuple({row.stub.name: row.stub for row in self.rows if row.stub is not None}.values())

    def stub_for(self, architecture: Architecture) -> Stub | None:
        """The stub of a client's unified kernel images; ``None`` where none is known."""
        row = self._rows.get(architecture.code)
        return row.stub if row is not None else None

    def loaders(self) -> tuple[Loader, ...]:
        """Every loader, in the order of the rows."""
        return tuple(self._loaders.values())

    def loader_for(self, architecture: Architecture, ipxe: bool = False) -> Loader | None:
        """The first-stage file that a client takes.

        :param ipxe: whether it is an iPXE, which cannot fetch over HTTP
        :returns: ``None`` where none is known
        """
        row = self._rows.get(architecture.code)
        if row is None:
            return None
        return row.ipxe_loader if ipxe and row.ipxe_loader is not None else row.loader

    def other_loader_for(self, architecture: Architecture) -> Loader | None:
        """Another build of iPXE for a client on which the first does not come up; ``None`` where none is known."""
        row = self._rows.get(architecture.code)
        return row.other_loader if row is not None else None


def _codes(row: Firmware) -> tuple[int, ...]:
    return (*row.codes, *row.http_codes)


def _unique(row: Firmware) -> Iterator[tuple[str, object]]:
    """What no other row may have."""
    yield from (("code", code) for code in _codes(row))
    for loader in row.loaders():
        yield "loader", loader.name
        yield "setting", loader.setting


def _twice(what: str, value: object, mine: tuple[str, Firmware], other: tuple[str, Firmware]) -> ConfigError:
    words = {"code": "architecture code", "loader": "loader", "setting": "loader setting"}[what]
    whose = "the core" if other[0] == "core" else f"plugin {other[0]!r}"
    who = "the core" if mine[0] == "core" else f"plugin {mine[0]!r}"
    why = f"its firmware {mine[1]} has the {words} {value!r}, which {whose} already has for {other[1]}"
    if what == "code" and mine[1].loaders() and not other[1].loaders():
        codes = ", ".join(map(str, _codes(other[1])))
        return ConfigError(who, f"{why}; to replace that row, which has no loader, take all its codes: {codes}")
    return ConfigError(who, f"{why}; use --disable-plugin")

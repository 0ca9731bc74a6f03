"""Which first-stage loaders there are, of which version and with which features; and for whom there is none."""

from __future__ import annotations

from collections.abc import Iterator

from pixiecore_core.doctor.findings import Finding, ok, warning
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.ipxe_features import features

NAME = "loaders"


def check(found: FoundLoaders) -> Iterator[Finding]:
    """A finding for each loader that is here, and for each that machines usually need."""
    for loader in found.table.loaders():
        path = found.paths.get(loader.name)
        if path is not None:
            version = found.versions.get(loader.name, "")
            told = ", ".join(features(version)) if version else ""
            yield ok(NAME, f"{loader.serves}: {path}{f' ({version})' if version else ''}{f': {told}' if told else ''}")
    for missing in found.missing():
        if missing.usual:
            yield warning(NAME, f"no iPXE for {missing.serves}", found.how_to_get(missing))
    for cpu, chain in found.chains.chains.items():
        yield ok(NAME, f"signed loaders for {cpu}: {chain.row.kind}")

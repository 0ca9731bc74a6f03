"""docs/reference/firmware.md: every architecture and the loader for it, from the table of firmware."""

from __future__ import annotations

from pixiecore_core.firmware.finding import loader_option
from pixiecore_core.firmware.known import FOLDERS, KNOWN
from pixiecore_core.firmware.rows import Firmware

_INTRODUCTION = """# Firmware

Each row is what clients say of themselves in DHCP option 93 (IANA, "Processor Architecture Types"), the systems that
such a machine can start, and the loader that it is handed if its own firmware has no iPXE that can fetch over HTTP. A
machine without a loader is ignored until a plugin brings one: a row with all codes of the one here
([`register_firmware`](hooks.md#register_firmwareregister))."""


def page() -> str:
    """The page."""
    rows = ["| firmware | codes | by HTTP | starts | loader |", "|---|---|---|---|---|", *map(_row, KNOWN.rows)]
    loaders = ["| loader | for | told as | looked for as | option |", "|---|---|---|---|---|"]
    for loader in KNOWN.loaders():
        names = ", ".join(f"`{name}`" for name in loader.files)
        loaders.append(
            f"| `{loader.name}` | {loader.serves} | `{loader.boot_file}` | {names} | `{loader_option(loader)}` |"
        )
    folders = ", ".join(f"`{folder}`" for folder in FOLDERS)
    where = f"Looked for in {folders}, and last in the user's data folder (`~/.local/share/pixiecore`); the first wins."
    return "\n\n".join([_INTRODUCTION, "\n".join(rows), "## Loaders", where, "\n".join(loaders)]) + "\n"


def _row(row: Firmware) -> str:
    codes, http = (", ".join(map(str, codes)) for codes in (row.codes, row.http_codes))
    runs = ", ".join(row.architectures()[0].processors)
    loaders = ", ".join(f"`{loader.name}`" for loader in row.loaders())
    return f"| {row} | {codes} | {http} | {runs} | {loaders} |"

"""docs/reference/firmware.md: every architecture, its loader and its EFI stub, from the table of firmware."""

from __future__ import annotations

from pixiecore_core.boot.variants import ROWS
from pixiecore_core.firmware.chains import CHAINS, Chain
from pixiecore_core.firmware.finding import loader_option
from pixiecore_core.firmware.known import FOLDERS, KNOWN, STUB_FOLDERS
from pixiecore_core.firmware.local_disk import WAYS
from pixiecore_core.firmware.rows import Firmware
from pixiecore_core.models.offer import OfferVariant, Trouble

_INTRODUCTION = """# Firmware

Each row is what clients say of themselves in DHCP option 93 (IANA, "Processor Architecture Types"), the systems that
such a machine can start, and the loader that it is handed if its own firmware has no iPXE that can fetch over HTTP.
Where the loader is missing, or with `--uefi-direct always`, UEFI gets one file that is made with the EFI stub
([without iPXE](../explanation/on-the-wire.md#without-ipxe)); an EFI program that is booted in a kernel's place goes to
any UEFI with a loader or a stub in its row. U-Boot and Raspberry Pis take no iPXE: [boards](../how-to/boards.md). Other
machines without a loader are ignored until a plugin brings one: a row with all codes of the one here
([`register_firmware`](hooks.md#register_firmwareregister)). A code under "by HTTP" is known, and not always served:
U-Boot's is not."""

_TO_THE_DISK = """How a machine is sent on to its own disk (`LocalDisk`, `--once-then local`, `local: true`). One with
other firmware, or another iPXE, is offered nothing and left to its firmware."""


_VARIANTS = """## Ways to answer

A machine gets the first of these that fits it and is not marked as being against something else, or the one that has
worked for it, or for its kind of firmware, before ([how](../explanation/on-the-wire.md#when-an-offer-is-refused)).
`--offer-variant NAME` or `--offer-variant MAC=NAME` pins one of those against an offer that is not taken; plugins
bring others (`register_offer_variants`) and pick one (`pick_offer`)."""


_CHAINS = """For machines with [Secure Boot](../how-to/secure-boot.md): a shim that is signed by Microsoft, and what it
starts. In the folder that `--secureboot-ipxe` or `--secureboot-grub` names, or a folder in it; with
`--secureboot-grub auto` in those of distributions. A second shim, signed by the certificate of 2023, may be there as
`2023/shimx64.efi` or `shimx64-2023.efi`. *Seen* says whether files of these names were there when it was written."""


def page() -> str:
    """The page."""
    rows = [
        "| firmware | codes | by HTTP | starts | loader | stub |",
        "|---|---|---|---|---|---|",
        *map(_row, KNOWN.rows),
    ]
    loaders = ["| loader | for | told as | looked for as | seen | option |", "|---|---|---|---|---|---|"]
    for loader in KNOWN.loaders():
        names, seen = ", ".join(f"`{name}`" for name in loader.files), "yes" if loader.seen else "no"
        cells = (f"`{loader.name}`", loader.serves, f"`{loader.boot_file}`", names, seen, f"`{loader_option(loader)}`")
        loaders.append(f"| {' | '.join(cells)} |")
    folders = ", ".join(f"`{folder}`" for folder in FOLDERS)
    where = (
        f"Looked for in {folders}, and last in the user's data folder (`~/.local/share/pixiecore`); the first wins. "
    )
    where += "*Seen* says whether whoever wrote the row has seen files of these names."
    stubs = ["| stub | looked for as | option |", "|---|---|---|"]
    for stub in KNOWN.stubs():
        stubs.append(f"| `{stub.name}` | `{stub.files[0]}` | `{loader_option(stub)}` |")
    installed = ", ".join(f"`{folder}`" for folder in STUB_FOLDERS)
    there = f"systemd's. Looked for in {installed}, and in the user's data folder."
    ways = ["| firmware | iPXE | command | known from |", "|---|---|---|---|"]
    ways += [f"| {way.family} | {way.wants} | `{way.command}` | {way.source} |" for way in WAYS]
    chains = ["| chain | shim | then | looked for in | seen |", "|---|---|---|---|---|"]
    chains += map(_chain, CHAINS)
    tables = [
        _INTRODUCTION,
        "\n".join(rows),
        "## Loaders",
        where,
        "\n".join(loaders),
        "## Stubs",
        there,
        "\n".join(stubs),
        _VARIANTS,
        "\n".join(["| variant | for | against | why |", "|---|---|---|---|", *map(_variant, ROWS)]),
        "## To the disk",
        _TO_THE_DISK,
        "\n".join(ways),
        "## Signed chains",
        _CHAINS,
        "\n".join(chains),
    ]
    return "\n\n".join(tables) + "\n"


def _variant(row: OfferVariant) -> str:
    against = {
        Trouble.OFFER: "an offer that is not taken",
        Trouble.TRANSFER: "a file that is not fetched",
        Trouble.LOADER: "an iPXE that stays silent",
    }
    kinds = f"{row.client} on {' or '.join(row.families)}" if row.families else row.client
    return f"| `{row.name}` | {kinds} | {against[row.trouble]} | {row.source} |"


def _chain(row: Chain) -> str:
    names = row.shims("2011")
    shims, then = (", ".join(f"`{name}`" for name in found) for found in (names, row.second))
    where = ", ".join(f"`{folder}`" for folder in (*row.below, *row.folders))
    return f"| `{row.name}` | {shims} | {then} | {where} | {'yes' if row.seen else 'no'} |"


def _row(row: Firmware) -> str:
    codes, http = (", ".join(map(str, codes)) for codes in (row.codes, row.http_codes))
    runs = ", ".join(row.architectures()[0].processors)
    loaders = ", ".join(f"`{loader.name}`" for loader in row.loaders())
    stub = f"`{row.stub.name}`" if row.stub is not None else ""
    return f"| {row} | {codes} | {http} | {runs} | {loaders} | {stub} |"

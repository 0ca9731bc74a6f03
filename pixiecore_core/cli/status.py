"""``pixiecore status``: the machines that a running server knows, a line each.

Asks and prints; judges nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pixiecore_core.cli.asking import ASKING_OPTIONS, Server
from pixiecore_core.cli.documents import json_option, print_document
from pixiecore_core.cli.explain import told
from pixiecore_core.errors import ConfigError
from pixiecore_core.models import normalise_mac
from pixiecore_core.printable import printable
from pixiecore_core.web.amounts import ago
from pixiecore_core.web.v1 import MACHINE_PATH, MACHINES_PATH

_EVERY_SECONDS = 1.0
_OF_A_PIPE = 200
"""Columns, for whoever reads it with another program."""
_COLUMNS = ("machine", "name", "state", "step", "progress", "heard", "note")
_FOR_WIDE, _WIDE = ("name", "step"), 110
"""Columns that are shown on a terminal that is so wide."""
_NARROWEST = {"machine": 17, "state": 9, "heard": 8, "progress": 42}
"""Columns that a narrow terminal must not cut."""
_BAR = 10
"""Characters."""
_STYLES = {
    "booted": "green",
    "booting": "green",
    "local": "green",
    "under way": "cyan",
    "held": "yellow",
    "ignored": "dim",
    "stalled": "red",
    "failed": "red",
}


def _status(ctx: click.Context, /, **values: Any) -> None:
    server = Server.of(ctx)
    mac, as_json = values["machine"], values["as_json"]
    if values["watch"] and as_json:
        raise click.UsageError("--watch is for people, --json for programs: give one of them.", ctx)
    if mac is not None:
        try:
            found = server.get(MACHINE_PATH + normalise_mac(mac))
        except ValueError as error:
            raise ConfigError("MAC", str(error)) from error
        if as_json:
            print_document(found)
        else:
            click.echo("\n".join(told(found, everything=True)))
        return
    if as_json:
        print_document(server.get(MACHINES_PATH, {"limit": "all"}))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_OF_A_PIPE)
    if not values["watch"]:
        console.print(machines_table(server.get(MACHINES_PATH), console.width))
        return
    try:
        with Live(console=console, screen=console.is_terminal, refresh_per_second=4) as live:
            while True:
                live.update(machines_table(server.get(MACHINES_PATH), console.width))
                time.sleep(_EVERY_SECONDS)
    except KeyboardInterrupt:
        ctx.exit(130)


def machines_table(found: Mapping[str, Any], width: int) -> Table:
    """Machines as a table: what ``/_/v1/machines`` answers.

    :param width: columns of the terminal; on a narrow one not everything is shown
    """
    machines: Sequence[Mapping[str, Any]] = found["machines"]
    now = time.time()
    rows = [
        {
            "machine": Text(printable(one["mac"])),
            "name": Text(printable(one["name"] or one["serial"])),
            "state": Text(printable(one["state"]), style=_STYLES.get(one["state"], "")),
            "step": Text(printable(one["step"])),
            "progress": Text(printable(progress(one["progress"]))),
            "heard": Text(f"{ago(now - one['heard'])} ago"),
            "note": Text(printable(one["note"])),
        }
        for one in machines
    ]
    table = Table(box=None, pad_edge=False, expand=False)
    shown = _COLUMNS if width >= _WIDE else tuple(name for name in _COLUMNS if name not in _FOR_WIDE)
    names = [name for name in shown if any(row[name] for row in rows)] or ["machine"]
    for name in names:
        ratio = 1 if name == "note" else None
        table.add_column(name, no_wrap=True, overflow="ellipsis", ratio=ratio, min_width=_NARROWEST.get(name))
    for row in rows:
        table.add_row(*(row[name] for name in names))
    if not rows:
        table.add_row("no machine has asked to boot yet")
    return table


def progress(moving: Mapping[str, Any] | None) -> str:
    """How far a file is: ``━━━━────── 45% of 8.1 MB, 11.2 MB/s vmlinuz``."""
    if moving is None or not moving["size"]:
        return ""
    share = min(1.0, moving["bytes"] / moving["size"])
    rate = moving["bytes"] / max(moving["seconds"], 0.05)
    bar = "━" * round(share * _BAR) + "─" * (_BAR - round(share * _BAR))
    name = moving["file"].rsplit("/", 1)[-1]
    return f"{bar} {share:.0%} of {moving['size'] / 1e6:.1f} MB, {rate / 1e6:.1f} MB/s {name}".strip()


status_command = click.Command(
    "status",
    callback=click.pass_context(_status),
    params=[
        click.Argument(["machine"], metavar="[MAC]", required=False),
        click.Option(["--watch"], is_flag=True, help="Keep showing it, until Ctrl-C."),
        *ASKING_OPTIONS,
        json_option(),
    ],
    help="Show the machines that a running server knows, or one of them.\n\nFor example: pixiecore status --watch",
    short_help="Show the machines that a running server knows.",
)

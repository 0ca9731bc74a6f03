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
_COLUMNS = ("machine", "name", "state", "step", "progress", "heard", "note")
_FOR_WIDE, _WIDE = ("name", "step"), 110
"""Columns that are shown on a terminal that is so wide."""
_SHORTEST_NOTE = 10
"""Characters; the note gives way before the others do."""
_NONE = "no machine has asked to boot yet"
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
    if not values["watch"] and not console.is_terminal:
        click.echo("\n".join(machines_lines(server.get(MACHINES_PATH))))
        return
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


def machines_lines(found: Mapping[str, Any]) -> list[str]:
    """Machines as lines for another program: every column that there is anything in, nothing cut."""
    rows = _rows(found)
    names = [name for name in _COLUMNS if any(row[name] for row in rows)] or ["machine"]
    table = [names, *([row[name].plain for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in table] + ([] if rows else [_NONE])


def machines_table(found: Mapping[str, Any], width: int) -> Table:
    """Machines as a table: what ``/_/v1/machines`` answers.

    :param width: columns of the terminal; on a narrow one not everything is shown
    """
    rows = _rows(found)
    table = Table(box=None, pad_edge=False, expand=False)
    shown = _COLUMNS if width >= _WIDE else tuple(name for name in _COLUMNS if name not in _FOR_WIDE)
    names = [name for name in shown if any(row[name] for row in rows)] or ["machine"]
    others = (
        sum(max(len(name), *(len(row[name]) for row in rows)) + 2 for name in names if name != "note") if rows else 0
    )
    for name in names:
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for row in rows:
        row["note"].truncate(max(_SHORTEST_NOTE, width - others), overflow="ellipsis")
        table.add_row(*(row[name] for name in names))
    if not rows:
        table.add_row(_NONE)
    return table


def _rows(found: Mapping[str, Any]) -> list[dict[str, Text]]:
    """The cells of each machine, by column."""
    machines: Sequence[Mapping[str, Any]] = found["machines"]
    now = time.time()
    return [
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

"""``pixiecore capture MAC``: a machine's last frames as a running server remembers them, to go with a bug report.

Asks, and writes a file. What is in it is the server's affair.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pixiecore_core.cli.asking import ASKING_OPTIONS, NotAsked, Server
from pixiecore_core.errors import ConfigError
from pixiecore_core.models import normalise_mac
from pixiecore_core.web.v1 import FRAMES, MACHINE_PATH

_NO_FRAME = 24
"""Bytes: a capture that is only its header."""


def _capture(ctx: click.Context, /, **values: Any) -> None:
    try:
        mac = normalise_mac(values["machine"])
    except ValueError as error:
        raise ConfigError("MAC", str(error)) from error
    query = {"raw": "1"} if values["raw"] else {}
    data = Server.of(ctx).response(f"{MACHINE_PATH}{mac}/{FRAMES}", query).content
    if len(data) <= _NO_FRAME:
        raise NotAsked(f"the server remembers no frame of {mac}; pixiecore status lists the machines that it knows")
    if values["output"] == "-":
        sys.stdout.buffer.write(data)
        return
    file = Path(values["output"] or f"{mac.replace(':', '-')}.pcap")
    try:
        file.write_bytes(data)
    except OSError as error:
        raise ConfigError("--output", f"{file} cannot be written: {error.strerror}") from error
    secrets = "with its secrets: show it to nobody" if values["raw"] else "its tokens and passwords are blanked"
    click.echo(f"Wrote {file}: {len(data):,} bytes, {secrets}. To explain it: pixiecore explain {file}")


capture_command = click.Command(
    "capture",
    callback=click.pass_context(_capture),
    params=[
        click.Argument(["machine"], metavar="MAC"),
        click.Option(
            ["--output", "-o"],
            metavar="FILE",
            help="Where to, or - for standard output. [default: the MAC with dashes, .pcap]",
        ),
        click.Option(["--raw"], is_flag=True, help="Leave tokens and passwords in."),
        *ASKING_OPTIONS,
    ],
    help="Write a machine's last frames to a file, with tokens and passwords blanked: for a bug report.\n\n"
    "For example: pixiecore capture 52:54:00:12:34:56",
    short_help="Write a machine's last frames to a file.",
)

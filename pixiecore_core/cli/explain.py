"""``pixiecore explain``: what happened to a machine's boot, why, and what to do.

Asks the running server. Words and reasons are :mod:`pixiecore_core.engine.explaining`'s; this prints them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import click

from pixiecore_core.cli.asking import ASKING_OPTIONS, Server
from pixiecore_core.cli.documents import json_option, print_document
from pixiecore_core.errors import ConfigError
from pixiecore_core.models import normalise_mac
from pixiecore_core.web.v1 import MACHINE_PATH

_WELL = ("booting", "booted", "local")
"""States of a boot that went well: three lines say so."""
_WIDTH = 100


def _explain(ctx: click.Context, /, **values: Any) -> None:
    machine, last = values["machine"], values["last"]
    if (machine is None) == (not last):
        raise click.UsageError("Give a machine's MAC address, or --last for the machine heard of last.", ctx)
    if machine is None:
        wanted = "latest"
    else:
        try:
            wanted = normalise_mac(machine)
        except ValueError as error:
            raise ConfigError("MAC", str(error)) from error
    found = Server.of(ctx).get(MACHINE_PATH + wanted)
    if values["as_json"]:
        print_document(found)
        return
    for line in told(found, everything=values["everything"]):
        click.echo(line)


def told(found: Mapping[str, Any], everything: bool = False) -> Iterator[str]:
    """An explanation in lines: how it stands, the timeline, the reasons, what to do.

    :param everything: the timeline even of a boot that went well
    """
    yield f"{found['summary']}."
    who = [found[key] for key in ("name", "manufacturer", "model", "serial", "architecture", "address") if found[key]]
    if who:
        yield f"It is {', '.join(who)}."
    went_well = found["state"] in _WELL and not found["diagnoses"]
    if went_well and not everything:
        yield "Nothing went wrong on the way: --all shows its timeline."
        return
    if found["timeline"]:
        yield ""
        for entry in found["timeline"]:
            mark = "" if entry["level"] == "info" else "! "
            yield from _wrapped(f"{entry['offset']:8.1f} s  {mark}", f"[{entry['subsystem']}] {entry['message']}")
    for diagnosis in found["diagnoses"]:
        yield ""
        yield from _wrapped("", f"Why: {diagnosis['says']}. ({diagnosis['cause']})")
        if diagnosis["mend"]:
            yield "What to do:"
        for line in diagnosis["mend"]:
            if line.startswith("    "):
                yield f"  {line}"  # of a configuration, to be copied
            else:
                lead = "    " if line.startswith("  ") else "  - "
                yield from _wrapped(lead, line.strip())


def _wrapped(lead: str, text: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_long_words=False
    )


explain_command = click.Command(
    "explain",
    callback=click.pass_context(_explain),
    params=[
        click.Argument(["machine"], metavar="[MAC]", required=False),
        click.Option(["--last"], is_flag=True, help="The machine that was heard of last."),
        click.Option(["--all", "everything"], is_flag=True, help="Show the timeline even where all went well."),
        *ASKING_OPTIONS,
        json_option(),
    ],
    help="Tell what happened to a machine's boot, why it does not boot, and what to do about it.\n\n"
    "For example: pixiecore explain 52:54:00:12:34:56",
    short_help="Tell why a machine does not boot, and what to do.",
)

"""``pixiecore explain``: what happened to a machine's boot, why, and what to do.

Asks the running server, or reads a capture. The words are
:mod:`pixiecore_core.engine.explaining`'s; this prints them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import click

from pixiecore_core.cli.asking import ASKING_OPTIONS, Server
from pixiecore_core.cli.documents import json_option, print_document
from pixiecore_core.cli.explain_capture import explained, read
from pixiecore_core.errors import ConfigError
from pixiecore_core.models import normalise_mac
from pixiecore_core.printable import printable
from pixiecore_core.web.v1 import MACHINE_PATH

_WELL = ("booting", "booted", "local")
"""States of a boot that went well: three lines say so."""
_WIDTH = 100
_LATEST = "latest"


def _explain(ctx: click.Context, /, **values: Any) -> None:
    machine, last = values["machine"], values["last"]
    if (machine is None) == (not last):
        raise click.UsageError(
            "Give a machine's MAC address, --last for the machine heard of last, or a capture's name.", ctx
        )
    wanted = _LATEST if machine is None else _mac(machine)
    if wanted is None:
        _explain_capture(Path(machine), values)
        return
    for name in ("mac", "boot_server"):
        if values[name] is not None:
            raise click.UsageError(f"--{name.replace('_', '-')} is for captures.", ctx)
    found = Server.of(ctx).get(MACHINE_PATH + wanted)
    if values["as_json"]:
        print_document(found)
        return
    for line in told(found, everything=values["everything"]):
        click.echo(line)


def _mac(text: str) -> str | None:
    """The MAC address in *text*; ``None`` where it names a file."""
    try:
        return normalise_mac(text)
    except ValueError as error:
        if Path(text).exists() or "." in text or "/" in text:
            return None
        raise ConfigError("MAC|FILE", f"{error}; nor is there a file of that name") from error


def _explain_capture(file: Path, values: dict[str, Any]) -> None:
    server = _address(values["boot_server"]) if values["boot_server"] is not None else None
    replay, fault = read(file, server)
    macs = replay.explainable()
    if values["mac"] is not None:
        wanted = _mac(values["mac"])
        if wanted is None:
            raise ConfigError("--mac", f"{values['mac']!r} is not a MAC address")
        macs = [wanted]
    found = list(explained(replay, macs))
    if values["as_json"]:
        print_document({"machines": found, "server": str(replay.server or ""), "fault": str(fault or "")})
    else:
        for number, one in enumerate(found):
            click.echo("\n".join(["", "-" * 20, ""][: 3 if number else 0] + list(told(one, values["everything"]))))
        if not found and fault is None:
            click.echo("No machine in it has asked to boot from the network.")
    if fault is not None:
        raise fault


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError as error:
        raise ConfigError("--boot-server", f"{text!r} is not an IPv4 address") from error


def told(found: Mapping[str, Any], everything: bool = False) -> Iterator[str]:
    """An explanation in lines: how it stands, the timeline, the reasons, what to do.

    :param everything: the timeline even of a boot that went well
    """
    yield printable(f"{found['summary']}.")
    who = [found[key] for key in ("name", "manufacturer", "model", "serial", "architecture", "address") if found[key]]
    if who:
        yield printable(f"It is {', '.join(who)}.")
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
                yield printable(f"  {line}")  # of a configuration, to be copied
            else:
                lead = "    " if line.startswith("  ") else "  - "
                yield from _wrapped(lead, line.strip())


def _wrapped(lead: str, text: str) -> Iterator[str]:
    yield from textwrap.wrap(
        printable(text), _WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_long_words=False
    )


explain_command = click.Command(
    "explain",
    callback=click.pass_context(_explain),
    params=[
        click.Argument(["machine"], metavar="[MAC|FILE]", required=False),
        click.Option(["--last"], is_flag=True, help="The machine that was heard of last."),
        click.Option(["--all", "everything"], is_flag=True, help="Show the timeline even where all went well."),
        click.Option(["--mac"], metavar="MAC", help="Of a capture: only this machine."),
        click.Option(
            ["--boot-server"], metavar="ADDRESS", help="Of a capture: the boot server it is about. [default: found out]"
        ),
        *ASKING_OPTIONS,
        json_option(),
    ],
    help="Tell what happened to a machine's boot, why it does not boot, and what to do about it.\n\n"
    "A running server is asked; of a capture (pcap or pcapng), perhaps of another boot server, the file is read.\n\n"
    "For example: pixiecore explain 52:54:00:12:34:56",
    short_help="Tell why a machine does not boot, and what to do.",
)

"""``pixiecore once``: arms machines for another boot, lists what is known, forgets. Shares the file with the server."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from pixiecore_core import ConfigError, MacAddress
from pixiecore_once.policy import default_database
from pixiecore_once.state import States

_MAC = TypeAdapter(MacAddress)
_SERVER_OPTION = "--once-database"


@click.group("once", short_help="Arm machines for one more boot; list them.")
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="PIXIECORE_ONCE_DATABASE",
    help="The file that the server's --once-database names.",
)
@click.pass_context
def once(ctx: click.Context, database: Path | None) -> None:
    """Machines boot from the network once, and again when they are armed, where the server has --once-enabled.

    For example: pixiecore once arm 52:54:00:12:34:56
    """
    ctx.obj = States(database or default_database())  # opened by each command, so that --help needs no file


def _known_machines(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return (ctx.find_object(States) or States(default_database())).beginning(incomplete)


@once.command("arm")
@click.argument("macs", metavar="MAC...", nargs=-1, shell_complete=_known_machines, required=True)
@click.pass_obj
def arm(states: States, macs: tuple[str, ...]) -> None:
    """Let each machine boot from the network once more.

    For example: pixiecore once arm 52:54:00:12:34:56
    """
    chosen = [_mac(text) for text in macs]
    states.store.open_for_command(_SERVER_OPTION, make=True)
    states.set_all(chosen, "armed")
    for mac in chosen:
        click.echo(f"{mac} will boot from the network once")


@once.command("list")
@click.option("--json", "as_objects", is_flag=True, help="As a JSON list.")
@click.pass_obj
def list_machines(states: States, as_objects: bool) -> None:
    """List the machines: armed, installing (not yet done with its boot) or done.

    For example: pixiecore once list
    """
    states.store.open_for_command(_SERVER_OPTION)
    machines = states.all()
    if as_objects:
        since = [datetime.fromtimestamp(known.since, UTC).isoformat(timespec="seconds") for known in machines]
        listed = [asdict(known) | {"since": when} for known, when in zip(machines, since, strict=True)]
        click.echo(json.dumps(listed, indent=2))
        return
    for known in machines:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(known.since))
        click.echo(f"{known.mac}  {known.state:10}  since {when}")


@once.command("clear")
@click.argument("macs", metavar="MAC...", nargs=-1, shell_complete=_known_machines)
@click.option("--all", "everything", is_flag=True, help="Forget all machines.")
@click.pass_obj
def clear(states: States, macs: tuple[str, ...], everything: bool) -> None:
    """Forget each machine, as if it had never booted.

    For example: pixiecore once clear 52:54:00:12:34:56
    """
    if bool(macs) == everything:
        raise ConfigError("once clear", "name machines, or give --all")
    chosen = [_mac(text) for text in macs]
    states.store.open_for_command(_SERVER_OPTION)
    forgotten = states.forget_all() if everything else states.forget(chosen)
    click.echo(f"{forgotten} machines forgotten")


def _mac(text: str) -> str:
    try:
        return _MAC.validate_python(text)
    except ValidationError:
        raise ConfigError("MAC", f"{text!r} is not a MAC address such as 52:54:00:12:34:56") from None

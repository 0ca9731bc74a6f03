"""``pixiecore allowlist``: lists machines, approves, denies, forgets. Shares the file with the server."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from pixiecore_allowlist.listing import as_json, as_line
from pixiecore_allowlist.settings import default_database
from pixiecore_allowlist.state import States
from pixiecore_core import ConfigError, MacAddress

_MAC = TypeAdapter(MacAddress)
_SERVER_OPTION = "--allowlist-database"


@click.group("allowlist", short_help="List the machines that wait; approve or deny them.")
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="PIXIECORE_ALLOWLIST_DATABASE",
    help="The file that the server's --allowlist-database names.",
)
@click.pass_context
def allowlist(ctx: click.Context, database: Path | None) -> None:
    """Only listed and approved machines boot, where the server has --allowlist-allow, -file or -enabled.

    For example: pixiecore allowlist approve 52:54:00:12:34:56
    """
    ctx.obj = States(database or default_database())  # opened by each command, so that --help needs no file


def _known_machines(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return (ctx.find_object(States) or States(default_database())).beginning(incomplete)


@allowlist.command("list")
@click.option("--waiting", is_flag=True, help="Only machines that are neither approved nor denied.")
@click.option("--json", "as_objects", is_flag=True, help="As a JSON list.")
@click.pass_obj
def list_machines(states: States, waiting: bool, as_objects: bool) -> None:
    """List the machines: waiting (seen, and not listed), approved or denied.

    For example: pixiecore allowlist list --waiting
    """
    states.store.open_for_command(_SERVER_OPTION)
    machines = states.all(waiting)
    if as_objects:
        click.echo(as_json(machines), nl=False)
        return
    for known in machines:
        click.echo(as_line(known))


@allowlist.command("approve")
@click.argument("macs", metavar="MAC...", nargs=-1, shell_complete=_known_machines, required=True)
@click.pass_obj
def approve(states: States, macs: tuple[str, ...]) -> None:
    """Let each machine boot; one that waits goes on within seconds.

    For example: pixiecore allowlist approve 52:54:00:12:34:56
    """
    chosen = [_mac(text) for text in macs]
    states.store.open_for_command(_SERVER_OPTION, make=True)
    states.decide("approved", *chosen)
    for mac in chosen:
        click.echo(f"{mac} is approved")


@allowlist.command("deny")
@click.argument("macs", metavar="MAC...", nargs=-1, shell_complete=_known_machines, required=True)
@click.pass_obj
def deny(states: States, macs: tuple[str, ...]) -> None:
    """Ignore each machine, even where a rule lists it.

    For example: pixiecore allowlist deny 52:54:00:12:34:56
    """
    chosen = [_mac(text) for text in macs]
    states.store.open_for_command(_SERVER_OPTION, make=True)
    states.decide("denied", *chosen)
    for mac in chosen:
        click.echo(f"{mac} is denied")


@allowlist.command("forget")
@click.argument("macs", metavar="MAC...", nargs=-1, shell_complete=_known_machines)
@click.option("--all", "everything", is_flag=True, help="Forget all machines.")
@click.pass_obj
def forget(states: States, macs: tuple[str, ...], everything: bool) -> None:
    """Forget each machine, as if it had never been seen, approved or denied.

    For example: pixiecore allowlist forget 52:54:00:12:34:56
    """
    if bool(macs) == everything:
        raise ConfigError("allowlist forget", "name machines, or give --all")
    chosen = [_mac(text) for text in macs]
    states.store.open_for_command(_SERVER_OPTION)
    forgotten = states.forget_all() if everything else states.forget(*chosen)
    click.echo(f"{forgotten} machines forgotten")


def _mac(text: str) -> str:
    try:
        return _MAC.validate_python(text)
    except ValidationError:
        raise ConfigError("MAC", f"{text!r} is not a MAC address such as 52:54:00:12:34:56") from None

"""``pixiecore inventory``: ``check`` says whether a folder is a usable inventory, and where it is not; ``render`` shows
a file as one machine would get it. Serves nothing.
"""

from __future__ import annotations

import os
from typing import Any

import click
from click.shell_completion import CompletionItem

from pixiecore_core import ConfigError
from pixiecore_inventory_booter.asking import machine, machine_options
from pixiecore_inventory_booter.inventory import Inventory, Target
from pixiecore_inventory_booter.loading import Loaded, load
from pixiecore_inventory_booter.problems import InventoryError
from pixiecore_inventory_booter.rendering import NotGiven, rendered
from pixiecore_inventory_booter.trial import beforehand, targets


@click.group("inventory", short_help="Check a folder that machines boot by, or show what one gets.")
def inventory() -> None:
    """A folder of YAML or TOML that says what machines boot.

    For example: pixiecore inventory check ./inventory
    """


def _folders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="dir")]


@inventory.command("check", short_help="List what is wrong in an inventory, and where.")
@click.argument("folder", shell_complete=_folders)
@click.pass_context
def check(ctx: click.Context, folder: str) -> None:
    """Load the inventory in FOLDER, render every template for every machine, and list what is wrong and where.

    Ends with status 1 if it cannot be used. For example: pixiecore inventory check ./inventory
    """
    try:
        loaded = _loaded("FOLDER", folder)
    except InventoryError as error:
        for problem in error.problems:
            click.echo(str(problem))
        click.echo(_counted(error), err=True)
        ctx.exit(1)
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}")
    for line in _summary(loaded.inventory):
        click.echo(line)


@inventory.command("render", short_help="Print a file as a machine would get it.")
@click.argument("file")
@click.option(
    "--folder",
    metavar="FOLDER",
    default=".",
    envvar="PIXIECORE_INVENTORY_FOLDER",
    help="Folder with the inventory; the current one if not given.",
)
@machine_options
@click.pass_context
def render(ctx: click.Context, /, file: str, folder: str, **known: Any) -> None:
    """Print FILE, one of the files of a profile, as the machine would get it when it boots.

    Ends with status 1 if it would get no such file. For example: pixiecore inventory render --mac 52:54:00:12:34:56
    user-data
    """
    asking = machine(known)
    try:
        loaded = _loaded("--folder", folder)
        data = rendered(loaded.inventory, asking, file, os.path.abspath(folder))
    except InventoryError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        click.echo(_counted(error), err=True)
        ctx.exit(1)
    except NotGiven as error:
        raise click.ClickException(str(error)) from error
    click.echo(data, nl=False)


def _loaded(argument: str, folder: str) -> Loaded:
    if not os.path.isdir(folder):
        raise ConfigError(argument, f"{folder} is not a folder")
    return load(os.path.abspath(folder))


def _counted(error: InventoryError) -> str:
    several = "s" if len(error.problems) > 1 else ""
    return f"{len(error.problems)} problem{several}: it cannot be used"


def _summary(found: Inventory) -> list[str]:
    lines = [f"profile {name}" for name in found.profiles]
    known = beforehand(found)
    for entry in found.machines:
        ways = dict.fromkeys(_way(found, target, entry.name) for target in targets(found, known, entry))
        lines.append(f"machine {entry.name}: {', or '.join(ways)}")
    lines += [f"{group.target.why.partition(' says ')[0]}: {_boots(group.target)}" for group in found.groups]
    lines.append(f"all others: {_boots(found.default)}")
    counts = f"{len(found.profiles)} profiles, {len(found.machines)} machines, {len(found.groups)} groups"
    return [*lines, f"{counts}: it can be used"]


def _way(found: Inventory, target: Target, machine: str) -> str:
    """What a machine boots, and by which rule if it is not its own."""
    if machine in found.targets:
        return _boots(target)
    return f"{_boots(target)} ({target.why.partition(' says ')[0]})"


def _boots(target: Target) -> str:
    if target.local:
        return "its disk"
    return target.bootable.name if target.bootable else "ignored"

"""``pixiecore inventory check``: says whether a folder is a usable inventory, and where it is not. Serves nothing."""

from __future__ import annotations

import os

import click

from pixiecore_core import ConfigError
from pixiecore_inventory_booter.inventory import Inventory, Target
from pixiecore_inventory_booter.loading import load
from pixiecore_inventory_booter.problems import InventoryError
from pixiecore_inventory_booter.trial import beforehand, targets


@click.group("inventory", short_help="Check a folder that machines boot by.")
def inventory() -> None:
    """A folder of YAML or TOML that says what machines boot.

    For example: pixiecore inventory check ./inventory
    """


@inventory.command("check")
@click.argument("folder")
@click.pass_context
def check(ctx: click.Context, folder: str) -> None:
    """Load the inventory in FOLDER, render every template for every machine, and list what is wrong and where.

    Ends with status 1 if it cannot be used. For example: pixiecore inventory check ./inventory
    """
    if not os.path.isdir(folder):
        raise ConfigError("FOLDER", f"{folder} is no folder")
    try:
        loaded = load(os.path.abspath(folder))
    except InventoryError as error:
        for problem in error.problems:
            click.echo(str(problem))
        several = "s" if len(error.problems) > 1 else ""
        click.echo(f"{len(error.problems)} problem{several}: it cannot be used", err=True)
        ctx.exit(1)
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}")
    for line in _summary(loaded.inventory):
        click.echo(line)


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
    return target.bootable.name if target.bootable else "ignored"

"""``pixiecore plugins`` and ``pixiecore firmware``: what is installed here. Both only look."""

from __future__ import annotations

import os

import click

from pixiecore_core.cli.options import given_options, model_options
from pixiecore_core.cli.stack import Platform
from pixiecore_core.errors import PluginError
from pixiecore_core.files.loaders import SERVES, find_loaders
from pixiecore_core.models import Firmware
from pixiecore_core.plugins.loader import Booters
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.settings import LoaderSettings, resolve


def _ignore(error: PluginError, mac: str | None) -> None:
    """No hook that could fail softly is called here."""


@click.command("plugins", short_help="List the installed plugins and booters.")
@click.pass_obj
def plugins_command(platform: Platform) -> None:
    """List the installed plugins: what they are, the booters they offer and the hooks they implement.

    For example: pixiecore plugins
    """
    if not platform.plugins and not platform.disabled:
        click.echo("No plugins are installed. Try: pip install pixiecore-static-booter")
    for plugin in platform.plugins:
        manager = PluginManager(_ignore)
        manager.register(plugin.module, plugin.name)
        booters = Booters()
        manager.register_booters(booters)
        click.echo(f"{plugin.name}  ({plugin.distribution} {plugin.version})")
        for name, booter in booters.classes.items():
            summary = (booter.__doc__ or "").strip().partition("\n")[0]
            click.echo(f"  booter {name}: {summary}" if summary else f"  booter {name}")
        click.echo(f"  hooks: {', '.join(manager.hooks_of(plugin.name)) or 'none'}")
    for name in platform.disabled:
        click.echo(f"{name}  (disabled)")


@click.pass_context
def _firmware(ctx: click.Context, /, **values: object) -> None:
    settings = resolve(LoaderSettings, "", given_options(ctx, LoaderSettings), os.environ, {}, "[server]")
    found = find_loaders(settings.loaders())
    for firmware in Firmware:
        path = found.paths.get(firmware)
        click.echo(f"{firmware.value:10}  {SERVES[firmware]}")
        click.echo(f"{'':10}  {path}" if path else f"{'':10}  missing: {found.how_to_get(firmware)}")


firmware_command = click.Command(
    "firmware",
    callback=_firmware,
    params=[*model_options(LoaderSettings)],
    help="List the iPXE binaries found on this system, the machines each one serves, and how to get those that are "
    "missing.\n\nFor example: pixiecore firmware",
    short_help="List the iPXE binaries found here, and what is missing.",
)

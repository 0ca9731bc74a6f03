"""``pixiecore plugins`` and ``pixiecore firmware``: what is installed here. Both only look."""

from __future__ import annotations

import os
from pathlib import Path

import click

from pixiecore_core.cli.options import given_options, loader_options
from pixiecore_core.cli.serve import CONFIG_OPTION
from pixiecore_core.cli.stack import Platform
from pixiecore_core.errors import PluginError
from pixiecore_core.files.folders import user_folder
from pixiecore_core.firmware.finding import find_loaders
from pixiecore_core.plugins.installed import Booters, LoadedPlugin, Policies
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.settings import LoaderSettings, ServerSettings, Sources, option_name, read_toml, with_loaders


def _ignore(error: PluginError, mac: str | None) -> None:
    """No hook that could fail softly is called here."""


@click.pass_context
def _plugins(ctx: click.Context, /, config: Path | None, plugin_order: tuple[str, ...]) -> None:
    platform: Platform = ctx.obj
    if not platform.plugins and not platform.disabled:
        click.echo("No plugins are installed; a booter at least is needed, such as the distribution of 'static'.")
    tables = read_toml(config) if config else {}
    given = {"plugin_order": list(plugin_order)} if plugin_order else {}
    settings = Sources.server(given, os.environ, tables, ["plugin_order"]).resolve(ServerSettings)
    order = platform.order(settings.plugin_order)
    asked = set(platform.policies.classes)
    for plugin in sorted(platform.plugins, key=lambda plugin: order.index(plugin.name)):
        manager = PluginManager(_ignore)
        manager.register(plugin.module, plugin.name)
        if not all(hook.startswith("register_") for hook in manager.hooks_of(plugin.name)):
            asked.add(plugin.name)
        _show(plugin, manager)
    for name in platform.disabled:
        click.echo(f"{name}  (disabled)")
    if platform.plugins:
        names = [*(name for name in order if name in asked), "the booter that you choose", "the core"]
        click.echo(f"\nAsked in this order: {', '.join(names)}.")


def _show(plugin: LoadedPlugin, manager: PluginManager) -> None:
    booters, policies = Booters(), Policies()
    manager.register_booters(booters)
    manager.register_policies(policies)
    click.echo(f"{plugin.name}  ({plugin.distribution} {plugin.version})")
    click.echo(f"  hooks: {', '.join(manager.hooks_of(plugin.name)) or 'none'}")
    offered = [("booter", "", one) for one in booters.classes.values()]
    offered += [("policy", one.name, one) for one in policies.classes.values()]
    for kind, section, one in offered:
        summary = (one.__doc__ or "").strip().partition("\n")[0]
        click.echo(f"  {kind} {one.name}: {summary}" if summary else f"  {kind} {one.name}")
        click.echo(f"    hooks: {', '.join(manager.hooks_in(one)) or 'none'}")
        names = [option_name(f"{section}_{key}" if section else key) for key in one.Settings.model_fields]
        click.echo(f"    settings: {', '.join(names) or 'none'}")


plugins_command = click.Command(
    "plugins",
    callback=_plugins,
    params=[
        CONFIG_OPTION,
        click.Option(["--plugin-order"], multiple=True, metavar="NAME", help="As for run: ask this plugin first."),
    ],
    help="List the installed plugins in the order in which they are asked: version, hooks, the booters and policies "
    "that they offer, and these ones' settings.\n\nFor example: pixiecore plugins",
    short_help="List the installed plugins, their hooks, order and settings.",
)


@click.pass_context
def _firmware(ctx: click.Context, /, **values: object) -> None:
    platform: Platform = ctx.obj
    model = with_loaders(LoaderSettings, platform.firmware)
    settings = Sources.server(given_options(ctx, model), os.environ, {}).resolve(model)
    found = find_loaders(platform.firmware, settings.loaders(platform.firmware), user_folder("data"))
    for loader in platform.firmware.loaders():
        path = found.paths.get(loader.name)
        click.echo(f"{loader.name:10}  {loader.serves}")
        click.echo(f"{'':10}  {path}" if path else f"{'':10}  missing: {found.how_to_get(loader)}")


firmware_command = click.Command(
    "firmware",
    callback=_firmware,
    params=[*loader_options()],
    help="List the iPXE binaries found on this system, the machines each one serves, and how to get those that are "
    "missing.\n\nFor example: pixiecore firmware",
    short_help="List the iPXE binaries found here, and what is missing.",
)

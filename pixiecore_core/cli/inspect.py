"""``pixiecore plugins`` and ``pixiecore firmware``: what is installed here. Both only look."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from pixiecore_core.cli.configuring import CONFIG_OPTION, configuration
from pixiecore_core.cli.documents import json_option, kept_clean, print_document
from pixiecore_core.cli.options import loader_options, model_options
from pixiecore_core.cli.signed import GRUB_OPTION, IPXE_OPTION, signs, with_chains
from pixiecore_core.cli.stack import Platform
from pixiecore_core.errors import PluginError
from pixiecore_core.files.folders import user_folder
from pixiecore_core.files.signing_key import KEY_OPTION
from pixiecore_core.firmware.finding import FoundLoaders, find_loaders, loader_option
from pixiecore_core.firmware.rows import Firmware, FirmwareFamily, Loader, Stub
from pixiecore_core.plugins.installed import Booters, LoadedPlugin, Policies
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.settings.loaders import LoaderSettings, with_loaders
from pixiecore_core.settings.names import option_name
from pixiecore_core.settings.secure_boot import SecureBootSettings
from pixiecore_core.settings.server import ServerSettings


def _ignore(error: PluginError, mac: str | None) -> None:
    """No hook that could fail softly is called here."""


@click.pass_context
def _plugins(ctx: click.Context, /, as_json: bool, **values: object) -> None:
    platform: Platform = ctx.obj
    with kept_clean(as_json):
        settings = configuration(ctx).part(ServerSettings, only=["plugin_order"])
        order = platform.order(settings.plugin_order)
        installed = sorted(platform.plugins, key=lambda plugin: order.index(plugin.name))
        described = [_described(plugin) for plugin in installed]
    asked = {*platform.policies.classes, *(one["name"] for one in described if one["decides"])}
    names = [*(name for name in order if name in asked), "the booter that you choose", "the core"]
    if as_json:
        print_document({"plugins": described, "disabled": list(platform.disabled), "order": names[:-2]})
        return
    if not platform.plugins and not platform.disabled:
        click.echo("No plugins are installed; a booter at least is needed, such as the distribution of 'static'.")
    for plugin in described:
        _show(plugin)
    for name in platform.disabled:
        click.echo(f"{name}  (disabled)")
    if platform.plugins:
        click.echo(f"\nAsked in this order: {', '.join(names)}.")


def _described(plugin: LoadedPlugin) -> dict[str, Any]:
    """What a plugin is and offers."""
    manager = PluginManager(_ignore)
    manager.register(plugin.module, plugin.name)
    booters, policies = Booters(), Policies()
    manager.register_booters(booters)
    manager.register_policies(policies)
    hooks = manager.hooks_of(plugin.name)
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "hooks": hooks,
        "decides": not all(hook.startswith("register_") for hook in hooks),
        "booters": [_offered(manager, "", one) for one in booters.classes.values()],
        "policies": [_offered(manager, one.name, one) for one in policies.classes.values()],
    }


def _offered(manager: PluginManager, section: str, one: type[Any]) -> dict[str, Any]:
    return {
        "name": one.name,
        "summary": (one.__doc__ or "").strip().partition("\n")[0],
        "hooks": list(manager.hooks_in(one)),
        "settings": [option_name(f"{section}_{key}" if section else key) for key in one.Settings.model_fields],
    }


def _show(plugin: dict[str, Any]) -> None:
    click.echo(f"{plugin['name']}  ({plugin['distribution']} {plugin['version']})")
    click.echo(f"  hooks: {', '.join(plugin['hooks']) or 'none'}")
    offered = [("booter", one) for one in plugin["booters"]] + [("policy", one) for one in plugin["policies"]]
    for kind, one in offered:
        click.echo(f"  {kind} {one['name']}: {one['summary']}" if one["summary"] else f"  {kind} {one['name']}")
        click.echo(f"    hooks: {', '.join(one['hooks']) or 'none'}")
        click.echo(f"    settings: {', '.join(one['settings']) or 'none'}")


plugins_command = click.Command(
    "plugins",
    callback=_plugins,
    params=[
        CONFIG_OPTION,
        json_option(),
        click.Option(["--plugin-order"], multiple=True, metavar="NAME", help="As for run: ask this plugin first."),
    ],
    help="List the installed plugins in the order in which they are asked: version, hooks, the booters and policies "
    "that they offer, and these ones' settings.\n\nFor example: pixiecore plugins",
    short_help="List the installed plugins, their hooks, order and settings.",
)


class _Looked(SecureBootSettings, LoaderSettings):
    """What says where loaders are, signed ones too."""


def way(row: Firmware, found: FoundLoaders, signed: bool = False, pi: bool = False) -> str:
    """How a kind of firmware comes to its kernel with what is here, in words.

    :param signed: whether the files that are made for UEFI are signed
    :param pi: whether there is firmware for Raspberry Pis
    """
    if row.family is FirmwareFamily.U_BOOT:
        return "kernel, initrd and device tree by TFTP, where the DHCP server names us as its next-server"
    if row.family is FirmwareFamily.RPIBOOT:
        return "its firmware by TFTP, and what that asks for" if pi else "nothing, until there is --pi-firmware"
    own = "its card's own iPXE; else "
    loader, stub = row.loader, row.stub
    chain = found.chains.chains.get(row.cpu) if row.family is FirmwareFamily.UEFI else None
    if chain is not None:
        what = "iPXE by TFTP or HTTP Boot" if chain.row.kind == "ipxe" else "GRUB by TFTP"
        return f"{own}signed shim and {what} ({IPXE_OPTION if chain.row.kind == 'ipxe' else GRUB_OPTION})"
    if signed and stub is not None and stub.name in found.stubs:
        return f"{own}a file made of stub, kernel, initrds and command line, signed ({KEY_OPTION})"
    if loader is not None and loader.name in found.paths:
        return f"{own}iPXE by TFTP{' or HTTP Boot' if row.http_codes and row.family is FirmwareFamily.UEFI else ''}"
    if stub is not None and stub.name in found.stubs:
        return f"{own}a file made of stub, kernel, initrds and command line (--uefi-direct)"
    return f"{own}nothing, until there is iPXE{' or an EFI stub' if stub is not None else ''} for it"


@click.pass_context
def _firmware(ctx: click.Context, /, as_json: bool, **values: object) -> None:
    platform: Platform = ctx.obj
    settings = configuration(ctx).part(with_loaders(_Looked, platform.firmware))
    found = find_loaders(platform.firmware, settings.loaders(platform.firmware), user_folder("data"))
    found = with_chains(found, settings)
    signed, pi = signs(settings), configuration(ctx).part(ServerSettings, only=["pi_firmware"]).pi_firmware is not None

    def where(one: Loader | Stub, paths: Mapping[str, Path]) -> dict[str, str | None]:
        path = paths.get(one.name)
        how_to_get = found.how_to_get(one) if path is None else None
        return {"option": loader_option(one), "path": str(path) if path else None, "how_to_get": how_to_get}

    loaders: list[dict[str, Any]] = [
        {
            "name": one.name,
            "serves": one.serves,
            **where(one, found.paths),
            "version": found.versions.get(one.name),
            "seen": one.seen,
        }
        for one in platform.firmware.loaders()
    ]
    stubs = [{"name": one.name, **where(one, found.stubs)} for one in platform.firmware.stubs()]
    ways = [
        {"firmware": str(row), "way": way(row, found, signed, pi)}
        for row in platform.firmware.rows
        if row.loader or row.stub or row.family in (FirmwareFamily.U_BOOT, FirmwareFamily.RPIBOOT)
    ]
    if as_json:
        print_document({"loaders": loaders, "stubs": stubs, "firmware": ways})
        return
    for one in loaders:
        click.echo(f"{one['name']:16}  {one['serves']}")
        click.echo(f"{'':16}  {_place(one)}")
    click.echo("\nEFI stubs, for files that UEFI starts without iPXE (--uefi-direct):\n")
    for one in stubs:
        click.echo(f"{one['name']:16}  {_place(one)}")
    click.echo("\nWhat firmware gets:\n")
    for pair in ways:
        click.echo(f"{pair['firmware']:18}  {pair['way']}")


_UNSEEN = " (under a name that whoever wrote this has seen nowhere)"


def _place(one: Mapping[str, Any]) -> str:
    if one["path"] is None:
        return f"missing: {one['how_to_get']}{'' if one.get('seen', True) else _UNSEEN}"
    return f"{one['path']} ({one['version']})" if one.get("version") else str(one["path"])


firmware_command = click.Command(
    "firmware",
    callback=_firmware,
    params=[CONFIG_OPTION, json_option(), *loader_options(), *model_options(SecureBootSettings)],
    help="List the iPXE binaries and EFI stubs found on this system, the machines each one serves, how to get those "
    "that are missing, and what each kind of firmware gets.\n\nFor example: pixiecore firmware",
    short_help="List the iPXE binaries and EFI stubs found here, and what is missing.",
)

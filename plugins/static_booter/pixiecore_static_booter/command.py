"""``pixiecore boot`` and ``pixiecore quick``: the commands that users of the Go Pixiecore type, over the two booters.

Turns arguments into settings, and lists recipes. Boots nothing by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from pixiecore_static_booter.catalogue import find, recipes
from pixiecore_static_booter.recipe import Recipe

Function = TypeVar("Function", bound=Callable[..., Any])

Settings = dict[str, Any]
"""What was given of a booter's settings."""
BOOT_ARGUMENTS = {"kernel": "KERNEL", "initrd": "INITRD", "message": "--bootmsg"}
QUICK_ARGUMENTS = {"recipe": "RECIPE", "version": "VERSION", "architecture": "--arch", "message": "--bootmsg"}
"""What the booters' settings are called on these command lines."""


def _options_of_both(function: Function) -> Function:
    """Decorator: what both commands take, in this order."""
    options = [
        click.option(
            "--cmdline", metavar="TEXT", help='Kernel command line; {{ ID "path-or-url" }} becomes a URL of that file.'
        ),
        click.option("--bootmsg", metavar="TEXT", help="Message to show on the machine's screen before it boots."),
        # The Go tool's, which are in people's unit files; they have no meaning here.
        click.option("--status-port", hidden=True, expose_value=False),
        click.option("--ui-assets-dir", hidden=True, expose_value=False),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def _misplaced(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """``--kernel`` and ``--initrd``, which the booter has as settings and this command as arguments."""
    if value is not None:
        raise click.UsageError(
            f"{param.opts[0]}: the kernel is an argument here, and the initrds stand behind it: "
            "pixiecore boot KERNEL [INITRD...]",
            ctx,
        )


def _misplaced_option(name: str) -> Callable[[Function], Function]:
    # Before the arguments, or a missing KERNEL would be complained of.
    return click.option(
        f"--{name}", f"misplaced_{name}", hidden=True, expose_value=False, is_eager=True, callback=_misplaced
    )


def _files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="file")]


@click.command("boot", short_help="Boot every machine into one kernel.")
@click.argument("kernel", shell_complete=_files)
@click.argument("initrd", nargs=-1, shell_complete=_files)
@_misplaced_option("kernel")
@_misplaced_option("initrd")
@_options_of_both
def boot(kernel: str, initrd: tuple[str, ...], cmdline: str | None, bootmsg: str | None) -> Settings:
    """Boot every machine that asks into KERNEL, with each INITRD, beside the DHCP server you have.

    KERNEL and INITRD are paths or http(s) URLs. For example:

        pixiecore boot ./vmlinuz ./initrd.img --cmdline='console=ttyS0 quiet'
    """
    settings = {"kernel": kernel, "initrd": list(initrd), "cmdline": cmdline, "message": bootmsg}
    return {key: value for key, value in settings.items() if value}


def _names_of_recipes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in recipes() if name.startswith(incomplete)]


@click.command("quick", short_help="Boot every machine into a distribution's installer, by name.")
@click.argument("recipe", required=False, shell_complete=_names_of_recipes)
@click.argument("version", required=False)
@click.option("--arch", metavar="NAME", help="Boot only machines with this processor. [default: each its own]")
@click.option("--mirror", metavar="URL", help="Mirror to boot and install from. [default: the recipe's]")
@click.option("--list", "listed", is_flag=True, help="List the recipes, or only RECIPE, and end.")
@_options_of_both
def quick(
    recipe: str | None,
    version: str | None,
    arch: str | None,
    mirror: str | None,
    cmdline: str | None,
    bootmsg: str | None,
    listed: bool,
) -> Settings | None:
    """Boot every machine that asks into the installer of RECIPE, beside the DHCP server you have.

    RECIPE is a name, such as debian, or the path of your own recipe. Without arguments, the names are listed. For
    example:

        pixiecore quick debian trixie --cmdline='console=ttyS0'
    """
    if listed or not _anything_given(click.get_current_context()):
        click.echo(_listing({recipe: _found(recipe)} if recipe else recipes()))
        return None
    settings = {
        "recipe": recipe,
        "version": version,
        "architecture": arch,
        "mirror": mirror,
        "cmdline": cmdline,
        "message": bootmsg,
    }
    return {key: value for key, value in settings.items() if value}


def _anything_given(ctx: click.Context) -> bool:
    """Whether there is more than the bare command: with --config, say, the recipe may be in the file."""
    defaults = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP, None)
    return any(ctx.get_parameter_source(name) not in defaults for name in ctx.params)


def _found(text: str) -> Recipe:
    try:
        return find(text)
    except ValueError as error:
        raise click.UsageError(f"RECIPE: {error}") from error


def _listing(known: Mapping[str, Recipe]) -> str:
    rows = [
        (
            name,
            " ".join([*recipe.versions, *(["…"] if recipe.other_versions else [])]),
            " ".join(recipe.architectures),
            recipe.description,
        )
        for name, recipe in known.items()
    ]
    head = ("RECIPE", "VERSIONS, the default first", "ARCHITECTURES", "")
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in [head, *rows]
    )

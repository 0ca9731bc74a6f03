"""``pixiecore run``: serve with the booter named by ``--booter``, whose settings become options of this command."""

from __future__ import annotations

import os
from typing import Any

import click

from pixiecore_core.cli.checks import check_options, option_owners, setting_of
from pixiecore_core.cli.completing import booters
from pixiecore_core.cli.configuring import CONFIG_OPTION, SOURCES, argument, configuration, file_of
from pixiecore_core.cli.options import given_options, model_options, server_options
from pixiecore_core.cli.serve import run
from pixiecore_core.cli.stack import Platform
from pixiecore_core.errors import ConfigError
from pixiecore_core.settings.file import SettingsFile
from pixiecore_core.settings.mistakes import together
from pixiecore_core.settings.names import variable_name

BOOTER_PREFIX = "booter__"
BOOTER = "pixiecore.booter"
BOOTER_SOURCE = "pixiecore.booter_source"
"""In a context's ``meta``: the booter's class, and where it was named."""


class RunCommand(click.Command):
    """Reads ``--booter`` first, to know which further options there are."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse twice: once for ``--booter`` alone, then with that booter's options."""
        sources = {
            "--booter": argument(args, "--booter"),
            "PIXIECORE_BOOTER": os.environ.get("PIXIECORE_BOOTER"),
            "[server] booter": None,
        }
        file = SettingsFile()
        if not any(sources.values()):
            file = file_of(ctx, args)
            sources["[server] booter"] = file.booter
        source, name = next(((source, name) for source, name in sources.items() if name), ("", None))
        if name:
            ctx.meta[BOOTER], ctx.meta[BOOTER_SOURCE] = _chosen(ctx, name, source, file), source
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own options and the chosen booter's."""
        params = super().get_params(ctx)
        booter = ctx.meta.get(BOOTER)
        if booter is None:
            return params
        options = model_options(booter.Settings, BOOTER_PREFIX, names=self.booter_names(booter))
        owners = {BOOTER_PREFIX + key: setting_of("booter", booter.name, key) for key in booter.Settings.model_fields}
        platform: Platform = ctx.obj
        check_options(self.name or "", [*self.params, *options], option_owners(platform) | owners)
        return [*options, *params]

    def booter_names(self, booter: type[Any]) -> dict[str, str]:
        """What the booter's options are called by setting, where that is not the setting's name."""
        return {}

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say where else settings may come from, and which booters there are."""
        platform: Platform = ctx.obj
        booter = ctx.meta.get(BOOTER)
        names = ", ".join(sorted(platform.booters.classes)) or "none"
        with formatter.section("Booters"):
            formatter.write_text(f"Installed: {names}. For the options of one: pixiecore run --booter NAME --help")
            if booter is not None:
                example = next(iter(booter.Settings.model_fields), "setting")
                formatter.write_text(
                    f"The options of {booter.name!r} may also come from the environment, such as "
                    f"{variable_name(booter.name, example)}, or from the TOML table [booter.{booter.name}]."
                )
        with formatter.section("Settings"):
            formatter.write_text(SOURCES)
        with formatter.section("Example"):
            formatter.write_text("pixiecore run --booter static --kernel ./vmlinuz --initrd ./initrd.img")


def _chosen(ctx: click.Context, name: str, source: str, file: SettingsFile) -> type[Any]:
    """The booter of this name.

    :raises ConfigError: there is none; what else is misnamed in *file* is told, too
    """
    platform: Platform = ctx.obj
    try:
        return platform.booters.choose(name)
    except ConfigError as error:
        named = ConfigError(source, error.reason)
        raise together([named, *configuration(ctx, file=file).misnamed()]) from error


def _run(ctx: click.Context, /, **values: Any) -> None:
    booter = ctx.meta.get(BOOTER)
    if booter is None:
        run(ctx, None, {})
    else:
        run(ctx, booter.name, given_options(ctx, booter.Settings, BOOTER_PREFIX))


run_command = RunCommand(
    "run",
    callback=click.pass_context(_run),
    params=[
        click.Option(
            ["--booter"],
            metavar="NAME",
            shell_complete=booters,
            help="The booter that decides what machines boot. [required]",
        ),
        CONFIG_OPTION,
        *server_options(),
    ],
    help="Serve network boots: answer ProxyDHCP, PXE, TFTP and HTTP, and let a booter decide what each machine boots.",
    short_help="Serve network boots with a booter of your choice.",
)

"""The command group: loads the plugins, lets them add commands, and turns errors into messages and exit statuses.

Exit status 2 is a usage error, 1 a failure; a user's mistake never shows a traceback.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
import sys
from dataclasses import replace

import click

from pixiecore_core import __version__
from pixiecore_core.cli.cache import cache_command, fetch_command
from pixiecore_core.cli.capture import capture_command
from pixiecore_core.cli.checks import check_offered, check_options, option_owners
from pixiecore_core.cli.commands import Commands
from pixiecore_core.cli.config import config_command
from pixiecore_core.cli.configuring import file_of
from pixiecore_core.cli.doctor import doctor_command
from pixiecore_core.cli.documents import JSON_FLAG, kept_clean
from pixiecore_core.cli.ending import end
from pixiecore_core.cli.explain import explain_command
from pixiecore_core.cli.go_tool import of_the_first_tool, of_the_go_tool
from pixiecore_core.cli.inspect import firmware_command, plugins_command
from pixiecore_core.cli.new_plugin import new_plugin_command
from pixiecore_core.cli.options import loader_options
from pixiecore_core.cli.run import run_command
from pixiecore_core.cli.select import select_command
from pixiecore_core.cli.simulate import simulate_command
from pixiecore_core.cli.stack import Platform, policy_options
from pixiecore_core.cli.status import status_command
from pixiecore_core.errors import ConfigError, PixiecoreError, PluginError
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.hidden import without_secrets
from pixiecore_core.plugins.installed import load
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.plugins.watching import loading

_OF_EXTRAS = {"boot": "static", "quick": "static"} | {name: name for name in ("api", "inventory", "once", "allowlist")}
"""Commands of the plugins that are kept beside the core, and the extra that brings each."""
_ARGUMENTS = "pixiecore.arguments"
"""In the root context's ``meta``: the command line."""


class PluginGroup(click.Group):
    """Loads the plugins when a subcommand is first asked for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before the command; which plugins there are may depend on what comes behind."""
        ctx.meta[_ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, the plugins' among them."""
        self._load(ctx)
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command, a plugin's perhaps."""
        self._load(ctx)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was typed; where there is none, a disabled plugin may be why."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            answer = of_the_go_tool(args)
            if answer is not None:
                raise click.UsageError(answer, ctx) from error
            extra = _OF_EXTRAS.get(args[0])
            if not ctx.obj.disabled and extra is not None:
                hint = f"{error.format_message()} A plugin has it: pip install 'pixiecore-core[{extra}]'."
                raise click.UsageError(hint, ctx) from error
            if not ctx.obj.disabled:
                raise
            names = ", ".join(ctx.obj.disabled)
            hint = f"{error.format_message()} Disabled plugins, which may have it: {names}."
            raise click.UsageError(hint, ctx) from error

    def _load(self, ctx: click.Context) -> None:
        if ctx.obj is None:
            # A plugin may print while it is imported.
            with kept_clean(JSON_FLAG in ctx.meta.get(_ARGUMENTS, ())):
                self._load_plugins(ctx)

    def _load_plugins(self, ctx: click.Context) -> None:
        disabled = _disabled(ctx)
        platform = ctx.obj = Platform(load(disabled), disabled=disabled)
        manager = PluginManager(_report_to_stderr)
        for plugin in platform.plugins:
            manager.register(plugin.module, plugin.name)
        with loading():
            manager.register_booters(platform.booters)
            manager.register_policies(platform.policies)
            platform = ctx.obj = replace(platform, firmware=KNOWN.extended(manager.register_firmware()))
        owners: dict[str, str] = {}
        for plugin in platform.plugins:
            manager = PluginManager(_report_to_stderr)
            manager.register(plugin.module, plugin.name)
            with loading():
                manager.register_commands(Commands(plugin.name, self, owners))
        check_offered(platform)
        policies, loaders = policy_options(platform.policies), loader_options(platform.firmware)
        for name, command in self.commands.items():
            there = {param.name for param in command.params}
            # Whatever takes the server's options, or a choice of booter, takes the policies' settings too, and whatever
            # takes a path for one loader takes one for those that plugins bring.
            further = [*(policies if there & {"dhcp", "booter"} else ()), *(loaders if "ipxe_bios" in there else ())]
            if further:
                command.params.extend(option for option in further if option.name not in there)
                check_options(name, command.params, option_owners(platform))


def _disabled(ctx: click.Context) -> dict[str, str]:
    """The plugins that are left out, and where each was named."""
    disabled = dict.fromkeys(ctx.params.get("disable_plugin", ()), "--disable-plugin")
    variable = filter(None, map(str.strip, os.environ.get("PIXIECORE_DISABLE_PLUGIN", "").split(",")))
    # Of a file that cannot be read, the command tells, if it reads one at all.
    with contextlib.suppress(ConfigError):
        file = file_of(ctx, ctx.meta.get(_ARGUMENTS, ()))
        disabled = dict.fromkeys(file.disabled, "[server] disable_plugin") | disabled
    return dict.fromkeys(variable, "PIXIECORE_DISABLE_PLUGIN") | disabled


@click.group(
    "pixiecore", cls=PluginGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, "--version", "-V", message="pixiecore %(version)s")
@click.option(
    "--disable-plugin", multiple=True, metavar="NAME", help="Run as if this plugin were not installed; may be repeated."
)
def _pixiecore(disable_plugin: tuple[str, ...]) -> None:
    """Network-boot Linux beside the DHCP server you already have.

    For example, to boot every machine that asks into one kernel:

        pixiecore boot ./vmlinuz ./initrd.img --cmdline="console=ttyS0"
    """


_COMMANDS = (
    run_command,
    plugins_command,
    firmware_command,
    fetch_command,
    cache_command,
    new_plugin_command,
    select_command,
    explain_command,
    capture_command,
    status_command,
    config_command,
    doctor_command,
    simulate_command,
)


def command_line() -> click.Group:
    """The ``pixiecore`` command, to be called once: what plugins add, and where, is this one's own."""
    group = copy.copy(_pixiecore)
    group.commands = {}
    for command in _COMMANDS:
        own = copy.copy(command)
        own.params = list(command.params)
        group.add_command(own)
    return group


def main() -> None:
    """Run the command line and exit."""
    end(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line with these *arguments*; mistakes and failures are told on standard error.

    :returns: the exit status
    """
    try:
        # What a command gives to ctx.exit comes back as the result.
        status = command_line()(arguments, standalone_mode=False)
    except click.ClickException as error:
        if isinstance(error, click.NoSuchOption) and (answer := of_the_first_tool(arguments)):
            error = click.UsageError(answer, error.ctx)
        shown = io.StringIO()
        error.show(shown)
        click.echo(without_secrets(shown.getvalue()), err=True, nl=False)
        if isinstance(error, click.NoSuchOption):
            _hint(error.option_name)
        return error.exit_code
    except click.Abort:
        return 130
    except PixiecoreError as error:
        place = f" ({error.place})" if isinstance(error, PluginError) and error.place else ""
        for line in getattr(error, "mistakes", (error,)):
            click.echo(without_secrets(f"Error: {line}{place}"), err=True)
        return 2 if isinstance(error, ConfigError) else 1
    return status if isinstance(status, int) else 0


def _hint(option: str) -> None:
    """Explain an option that the command lacks."""
    if option == "--disable-plugin":
        click.echo("It goes before the command: pixiecore --disable-plugin NAME COMMAND …", err=True)


def _report_to_stderr(error: PluginError, mac: str | None) -> None:
    click.echo(without_secrets(f"Error: {error}"), err=True)

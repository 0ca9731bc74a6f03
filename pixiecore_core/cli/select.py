"""``pixiecore select``: a dry run. Says what each plugin answers for a machine, and what that machine would boot.

The real plugins and the real rendering, without a port, a packet or a change to anything but what plugins themselves
keep. Decides nothing.
"""

from __future__ import annotations

import io
import os
import re
import time
import traceback
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from pixiecore_core.assembly import Core, Parts, assemble
from pixiecore_core.boot.paths import ServerAddress
from pixiecore_core.cli.hidden import without_secrets
from pixiecore_core.cli.options import given_options, loader_options, model_options
from pixiecore_core.cli.run import BOOTER, BOOTER_PREFIX, RunCommand
from pixiecore_core.cli.serve import CONFIG_OPTION
from pixiecore_core.cli.stack import Platform, construct, policy_settings, register_all
from pixiecore_core.cli.variables import warn_of_unread_variables
from pixiecore_core.engine.policy import Decision, PolicyFailed
from pixiecore_core.engine.scripting import Script
from pixiecore_core.errors import ConfigError, PluginError
from pixiecore_core.files.folders import user_folder
from pixiecore_core.firmware.finding import find_loaders
from pixiecore_core.firmware.processors import processor
from pixiecore_core.firmware.rows import Architecture, FirmwareFamily, Transport
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models import BootSpec, Client, Hold, Ignore, Machine, PxeRequest
from pixiecore_core.observe.log import configure
from pixiecore_core.settings import ServerSettings, Sources, option_name, read_toml

_OURS = ServerAddress(IPv4Address("192.0.2.1"))
"""Stands for the server in the script that is shown (RFC 5737)."""
_MACHINE_OPTIONS = [
    click.Option(["--mac"], required=True, metavar="MAC", help="The machine's MAC address."),
    click.Option(["--uuid"], metavar="UUID", help="Its SMBIOS UUID."),
    click.Option(["--serial"], default="", metavar="TEXT", help="Its serial number."),
    click.Option(["--manufacturer"], default="", metavar="TEXT", help="Who made it."),
    click.Option(["--product"], default="", metavar="TEXT", help="Its product name."),
    click.Option(["--hostname"], default="", metavar="TEXT", help="What it calls itself."),
    click.Option(
        ["--arch"],
        default="x86_64",
        metavar="NAME",
        help="Its processor: x86_64 (or amd64), i386 (or x86), arm64 (or aarch64) …, or the number that it sends in "
        "DHCP option 93. [default: x86_64]",
    ),
    click.Option(
        ["--platform"], default="efi", metavar="NAME", help="Its firmware: efi, bios, u-boot or pi. [default: efi]"
    ),
    click.Option(["--ipxe"], is_flag=True, help="Its network card has an iPXE that can fetch over HTTP."),
    click.Option(["--interface"], default="", metavar="NAME", help="Our network interface that it is on."),
    click.Option(["--subnet"], metavar="NETWORK", help="Our network that it is on."),
    click.Option(["--relay"], metavar="ADDRESS", help="The DHCP relay in between."),
    click.Option(["--address"], default="192.0.2.100", metavar="ADDRESS", help="Its address. [default: 192.0.2.100]"),
]
_SERVER = ("plugin_order", "hook_timeout", "debug")
"""The server's settings that count here."""

_PLATFORMS = {
    "efi": FirmwareFamily.UEFI,
    "uefi": FirmwareFamily.UEFI,
    "bios": FirmwareFamily.BIOS,
    "pcbios": FirmwareFamily.BIOS,
    "u-boot": FirmwareFamily.U_BOOT,
    "uboot": FirmwareFamily.U_BOOT,
    "pi": FirmwareFamily.RPIBOOT,
}


def _show(plugin: str, hook: str, answer: object) -> None:
    """Print one plugin's answer, or its failure, as it is given."""
    _say(f"  {hook:17}  {plugin:18}  {_in_words(answer)}")


def _show_with_traceback(plugin: str, hook: str, answer: object) -> None:
    """The same, with where a failure comes from."""
    _show(plugin, hook, answer)
    if isinstance(answer, Exception) and answer.__cause__ is not None:
        _say("".join(traceback.format_exception(answer.__cause__)))


def _select(ctx: click.Context, /, **values: Any) -> None:
    platform: Platform = ctx.obj
    config: Path | None = values["config"]
    tables = read_toml(config) if config else {}
    platform.check_names(tables)
    warn_of_unread_variables(ctx)
    machine = _machine(values, platform.firmware)
    keys = (*_SERVER, *(loader.setting for loader in platform.firmware.loaders()))
    server = given_options(ctx, platform.server_settings, only=keys)
    settings = Sources.server(server, os.environ, tables, keys).resolve(platform.server_settings)
    booter_class = platform.booters.choose(ctx.meta[BOOTER].name if BOOTER in ctx.meta else None)
    given = given_options(ctx, booter_class.Settings, BOOTER_PREFIX)
    names = select_command.booter_names(booter_class)
    sources = Sources.booter(booter_class.name, given, os.environ, tables, names)
    booter = construct(booter_class, sources.resolve(booter_class.Settings))
    policies = policy_settings(ctx, platform.policies, os.environ, tables)
    parts = Parts(
        lambda manager: register_all(manager, platform, booter, policies, settings.plugin_order),
        lambda firmware: find_loaders(firmware, settings.loaders(firmware), user_folder("data")),
        hook_timeout=settings.hook_timeout,
        observe=_show_with_traceback if settings.debug else _show,
    )
    # What goes wrong is shown as it is answered: nothing need be logged.
    core = assemble(configure(stream=io.StringIO()), parts)
    ctx.exit(0 if _decide(core, machine, values["ipxe"]) else 1)


def _decide(core: Core, machine: Machine, ipxe: bool) -> bool:
    """Ask, and print what was answered; whether the machine boots."""
    _say(f"{machine.mac}, {machine.architecture}: what each plugin answers, in the order in which they are asked")
    decision: Decision | Script = core.decider.decide(_request(machine, ipxe, core.decider.loaders.table))
    if isinstance(decision, BootSpec):
        spec = decision
        decision = core.scripts.render(machine, spec, core.urls.of(_OURS, machine.mac, time.time()))
    if isinstance(decision, Script):
        _say(f"\nIt boots:\n{_spec(spec)}")
        _say(f"Command line:\n  {decision.cmdline}\n\nScript:\n{_indented(decision.text)}")
        return True
    reason = str(decision.error) if isinstance(decision, PolicyFailed) else decision.reason
    _say(f"\nIt {'waits' if isinstance(decision, Hold) else 'does not boot'}: {reason}")
    return False


def _request(machine: Machine, ipxe: bool, firmware: FirmwareTable) -> PxeRequest:
    """What a machine asks first: its firmware, or the iPXE in its card."""
    architecture = machine.architecture
    assert architecture is not None, "_machine sees to that"
    http = architecture.transport is Transport.HTTP
    client = Client.IPXE if ipxe else Client.HTTP_BOOT if http else Client.PXE
    loader = firmware.loader_for(architecture)
    name = loader.name if loader is not None else None
    return PxeRequest(machine=machine, client=client, loader=name, stage="dhcp", transaction_id=0, seconds=0)


def _machine(values: dict[str, Any], firmware: FirmwareTable) -> Machine:
    """The machine of the options.

    :raises ConfigError: one of them is unusable
    """
    known = ("mac", "uuid", "serial", "manufacturer", "product", "hostname", "interface", "subnet", "relay", "address")
    architecture = _architecture(values["arch"].lower(), values["platform"].lower(), firmware)
    try:
        return Machine(architecture=architecture, **{name: values[name] for name in known if values[name]})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"--{first['loc'][0]}", first["msg"].removeprefix("Value error, ")) from error


def _architecture(arch: str, platform: str, firmware: FirmwareTable) -> Architecture:
    """What a machine with this processor and firmware is, however they are spelled.

    :raises ConfigError: there is no such machine
    """
    if arch.isdecimal():
        return firmware.architecture(min(int(arch), 0xFFFF))
    if platform not in _PLATFORMS:
        raise ConfigError("--platform", f"there is no {platform!r}; there are efi, bios, u-boot and pi")
    try:
        name = processor(arch)
    except ValueError:
        name = arch  # one that only the table knows
    rows = [row for row in firmware.rows if row.family is _PLATFORMS[platform]]
    found = next((row for row in rows if name in (row.cpu, *row.runs)), None)
    if found is None:
        known = dict.fromkeys(name for row in rows for name in sorted({row.cpu, *row.runs}))
        raise ConfigError("--arch", f"there is no {arch!r} with platform {platform!r}; there are {', '.join(known)}")
    return found.architectures()[0]


def _in_words(answer: object) -> str:
    match answer:
        case None:
            return "no opinion"
        case Ignore(reason=reason):
            return f"ignore it: {reason}"
        case Hold(reason=reason):
            return f"let it wait: {reason}"
        case BootSpec():
            return "boot it"
        case PluginError(place=place) if place:
            return f"failed: {answer} ({place})"
        case Exception():
            return f"failed: {answer}"
        case str():
            return repr(answer) if "\n" not in answer else f"{len(answer.splitlines())} lines"
        case list():
            return "; ".join(_in_words(one) for one in answer) or "no opinion"
        case dict():
            return ", ".join(f"{{{{ {name} }}}}" for name in answer)
    return str(answer)


def _spec(spec: BootSpec) -> str:
    lines = [f"  kernel   {spec.kernel.location}"] if spec.kernel else []
    lines += [f"  initrd   {ref.location}" for ref in spec.initrds]
    lines += [f"  file     {name}: {ref.location}" for name, ref in spec.files.items()]
    lines += [f"  message  {spec.message}"] if spec.message else []
    lines += ["  a script of its own"] if spec.ipxe_script is not None else []
    return "\n".join(lines) + "\n"


def _say(text: str) -> None:
    """Print *text* without passwords, and with sealed tokens cut out: nobody reads those, and these work nowhere."""
    click.echo(re.sub(r"(name=|/_/folder/)[\w-]{40,}", r"\1…", without_secrets(text)))


def _indented(script: str) -> str:
    return "\n".join(f"  {line}" for line in script.splitlines())


class SelectCommand(RunCommand):
    """Its options describe a machine, and a booter may have settings of the same names."""

    def booter_names(self, booter: type[Any]) -> dict[str, str]:
        """``--booter-serial``, where ``--serial`` is the machine's."""
        machine = {option.name for option in _MACHINE_OPTIONS}
        return {key: option_name(f"booter_{key}") for key in booter.Settings.model_fields if key in machine}


select_command = SelectCommand(
    "select",
    callback=click.pass_context(_select),
    params=[
        click.Option(["--booter"], metavar="NAME", help="The booter that decides what machines boot. [required]"),
        CONFIG_OPTION,
        *_MACHINE_OPTIONS,
        *(option for option in model_options(ServerSettings) if option.name in _SERVER),
        *loader_options(),
    ],
    help="Say what a machine would boot, and which plugin decided what, without a packet. Ends with status 1 if it "
    "would not boot.\n\nFor example: pixiecore select --booter static --kernel ./vmlinuz --mac 52:54:00:12:34:56",
    short_help="Say what a machine would boot, and why.",
)

"""``pixiecore select``: a dry run. Says what each plugin answers for a machine, and what that machine would boot.

The real plugins and the real rendering, without a port, a packet or a change to anything but what plugins themselves
keep. Decides nothing.
"""

from __future__ import annotations

import io
import time
import traceback
from functools import partial
from ipaddress import IPv4Address
from typing import Any

import click

from pixiecore_core.assembly import Core, Parts, assemble
from pixiecore_core.boot.paths import ServerAddress
from pixiecore_core.cli.completing import booters
from pixiecore_core.cli.configuring import CONFIG_OPTION, settled
from pixiecore_core.cli.documents import json_option, kept_clean, print_document
from pixiecore_core.cli.dropping import become_server, settled_again, told_as
from pixiecore_core.cli.machine import MACHINE_OPTIONS, machine_of
from pixiecore_core.cli.options import given_options, loader_options, model_options
from pixiecore_core.cli.pi_firmware import pi_firmware
from pixiecore_core.cli.run import BOOTER, BOOTER_PREFIX, RunCommand
from pixiecore_core.cli.signed import direct, find_first_stages, signs
from pixiecore_core.cli.stack import Platform, construct, register_all
from pixiecore_core.cli.variables import warn_of_unread_variables
from pixiecore_core.cli.verdict import Answers, Verdict, document, say
from pixiecore_core.engine.first_step import FirstStep
from pixiecore_core.engine.policy import Decision, PolicyFailed
from pixiecore_core.engine.scripting import Script
from pixiecore_core.firmware.rows import Loader, Stub, Transport
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.hosting.accounts import account_of
from pixiecore_core.models import BootSpec, Client, Hold, LocalDisk, Machine, PxeRequest
from pixiecore_core.observe.log import configure
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.plugins.observing import Observe
from pixiecore_core.settings.names import option_name
from pixiecore_core.settings.secure_boot import SecureBootSettings
from pixiecore_core.settings.server import ServerSettings

_OURS = ServerAddress(IPv4Address("192.0.2.1"))
"""Stands for the server in the script that is shown (RFC 5737)."""
_SERVER = (
    *("plugin_order", "hook_timeout", "debug", "user", "group", "uefi_direct", "pi_firmware", "syslog"),
    *SecureBootSettings.model_fields,
)
"""The server's settings that have an option here."""


def _select(ctx: click.Context, /, as_json: bool, **values: Any) -> None:
    with kept_clean(as_json):
        machine = machine_of(values, ctx.find_root().obj.firmware)
        answers = Answers(at_once=not as_json)
        core = _core(ctx, answers)
        if not as_json:
            architecture = machine.architecture
            say(f"{machine.mac}, {architecture}: what each plugin answers, in the order in which they are asked")
        verdict = _decide(core, machine, values["ipxe"])
    if as_json:
        print_document(document(machine, answers, verdict))
    else:
        say(verdict.told())
    ctx.exit(0 if verdict.outcome == "boot" else 1)


def _core(ctx: click.Context, answers: Answers) -> Core:
    """What a server started like this would ask.

    :raises ConfigError: there are mistakes in the settings
    """
    platform: Platform = ctx.find_root().obj
    booter_class = ctx.meta.get(BOOTER)
    given = {} if booter_class is None else given_options(ctx, booter_class.Settings, BOOTER_PREFIX)
    names = {} if booter_class is None else select_command.booter_names(booter_class)
    # --interface is the machine's here.
    files: tuple[Loader | Stub, ...] = (*platform.firmware.loaders(), *platform.firmware.stubs())
    only = (*_SERVER, *(one.setting for one in files))
    name = None if booter_class is None else booter_class.name
    settle = partial(settled, ctx, name, given, names, only)
    first = settle()
    account = account_of(first[1].server.user, first[1].server.group)
    become_server(account, platform)
    booter_class, everything = settled_again(account, settle, first)
    settings = everything.server
    warn_of_unread_variables(ctx)
    booter = construct(booter_class, everything.booter)

    def register(manager: PluginManager) -> None:
        register_all(manager, platform, booter, everything.policies, settings.plugin_order)

    parts = Parts(
        register,
        partial(find_first_stages, settings),
        syslog=settings.syslog_place(),
        signs=signs(settings),
        uefi_direct=direct(settings),
        pi_firmware=pi_firmware(settings),
        hook_timeout=settings.hook_timeout,
        observe=_with_traceback(answers) if settings.debug else answers.add,
    )
    with told_as(account):
        # What goes wrong is shown as it is answered: nothing need be logged.
        return assemble(configure(stream=io.StringIO()), parts)


def _with_traceback(answers: Answers) -> Observe:
    """Takes an answer, and prints where a failure comes from."""

    def add(plugin: str, hook: str, answer: object) -> None:
        answers.add(plugin, hook, answer)
        if isinstance(answer, Exception) and answer.__cause__ is not None:
            say("".join(traceback.format_exception(answer.__cause__)))

    return add


def _decide(core: Core, machine: Machine, ipxe: bool) -> Verdict:
    """Ask, and say what the machine does."""
    request = _request(machine, ipxe, core.decider.loaders.table)
    decision: Decision | Script = core.decider.decide(request)
    spec = decision if isinstance(decision, BootSpec) else None
    if isinstance(decision, BootSpec):
        decision = _rendered(core, request, decision)
    if isinstance(decision, LocalDisk):
        return Verdict(
            "local",
            decision.reason,
            script=core.scripts.to_disk(machine, decision, core.urls.of(_OURS, machine.mac, time.time())).text,
        )
    if isinstance(decision, Script):
        return Verdict("boot", "", spec, decision.cmdline, decision.text)
    if isinstance(decision, PolicyFailed):
        return Verdict("failed", str(decision.error))
    return Verdict("hold" if isinstance(decision, Hold) else "ignore", decision.reason)


def _rendered(core: Core, request: PxeRequest, spec: BootSpec) -> Script | PolicyFailed:
    """The script, in the language of what runs it."""
    machine = request.machine
    urls = core.urls.of(_OURS, machine.mac, time.time())
    steps = core.decider.first_steps
    step, chain = steps.of(request, spec), steps.chain_of(machine)
    if step is FirstStep.U_BOOT:
        return core.first_stage.u_boot_files.script(machine, spec, urls)
    if step is FirstStep.CHAIN and chain is not None and chain.row.kind == "grub":
        return core.first_stage.chain_files.script(machine, spec, chain, _OURS, urls)
    if step in (FirstStep.UNIFIED, FirstStep.EFI):
        written = core.scripts.render(machine, spec, urls)
        return Script("", written.cmdline) if isinstance(written, Script) else written
    return core.scripts.render(machine, spec, urls)


def _request(machine: Machine, ipxe: bool, firmware: FirmwareTable) -> PxeRequest:
    """What a machine asks first: its firmware, or the iPXE in its card."""
    architecture = machine.architecture
    assert architecture is not None, "machine_of sees to that"
    http = architecture.transport is Transport.HTTP
    client = Client.IPXE if ipxe else Client.HTTP_BOOT if http else Client.PXE
    loader = firmware.loader_for(architecture)
    name = loader.name if loader is not None else None
    return PxeRequest(machine=machine, client=client, loader=name, stage="dhcp", transaction_id=0, seconds=0)


class SelectCommand(RunCommand):
    """Its options describe a machine, and a booter may have settings of the same names."""

    def booter_names(self, booter: type[Any]) -> dict[str, str]:
        """``--booter-serial``, where ``--serial`` is the machine's."""
        machine = {option.name for option in MACHINE_OPTIONS}
        return {key: option_name(f"booter_{key}") for key in booter.Settings.model_fields if key in machine}


select_command = SelectCommand(
    "select",
    callback=click.pass_context(_select),
    params=[
        click.Option(
            ["--booter"],
            metavar="NAME",
            shell_complete=booters,
            help="The booter that decides what machines boot. [required]",
        ),
        CONFIG_OPTION,
        json_option(),
        *MACHINE_OPTIONS,
        *(option for option in model_options(ServerSettings) if option.name in _SERVER),
        *loader_options(),
    ],
    help="Say what a machine would boot, and which plugin decided what, without a packet. Ends with status 1 if it "
    "would not boot.\n\nFor example: pixiecore select --booter static --kernel ./vmlinuz --mac 52:54:00:12:34:56",
    short_help="Say what a machine would boot, and why.",
)

"""``pixiecore doctor``: looks at this host as a server with the same options would find it, and says what to mend.

Starts nothing and changes nothing; takes each port for a moment. The checks are doctor/'s.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from pixiecore_core.cli.completing import booters
from pixiecore_core.cli.configuring import CONFIG_OPTION, configuration
from pixiecore_core.cli.documents import json_option, kept_clean, print_document
from pixiecore_core.cli.options import given_options, server_options
from pixiecore_core.cli.privileges import check_privileges
from pixiecore_core.cli.run import BOOTER, BOOTER_PREFIX, RunCommand
from pixiecore_core.cli.signed import find_first_stages
from pixiecore_core.cli.stack import Platform
from pixiecore_core.doctor import dhcp, host, listeners, loaders
from pixiecore_core.doctor.around import look_around, networks
from pixiecore_core.doctor.findings import Finding, broken, ok
from pixiecore_core.errors import ConfigError, StartError
from pixiecore_core.files.folders import service_folder, user_folder
from pixiecore_core.hidden import without_secrets
from pixiecore_core.hosting.accounts import account_of
from pixiecore_core.identity import use_permitted
from pixiecore_core.net import dhcp_question
from pixiecore_core.settings.server import ServerSettings

_WIDTH = 8


def _doctor(ctx: click.Context, /, as_json: bool, **values: Any) -> None:
    with kept_clean(as_json):
        settings = _settings(ctx)
        platform: Platform = ctx.find_root().obj
        found = []
        for finding in examine(settings, platform):
            found.append(finding)
            if not as_json:
                _say(finding)
    if as_json:
        print_document([asdict(finding) for finding in found])
    ctx.exit(1 if any(finding.status == "broken" for finding in found) else 0)


def examine(settings: ServerSettings, platform: Platform) -> Iterator[Finding]:
    """All checks, the quick ones first."""
    use_permitted()
    yield _privileges(settings)
    yield from listeners.check(settings)
    yield from look_around(settings)
    yield from _loaders(settings, platform)
    yield from _folders(settings)
    if settings.dhcp is not None:
        yield from dhcp.check(networks(settings), lambda interface: dhcp_question.ask(interface.index))


def _privileges(settings: ServerSettings) -> Finding:
    try:
        check_privileges(settings)
    except StartError as error:
        what, *ways = str(error).splitlines()
        return broken("privileges", what.rstrip("."), *(way.strip(" -") for way in ways[1:]))
    who = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    return ok("privileges", f"{who} may do what serving needs")


def _loaders(settings: ServerSettings, platform: Platform) -> Iterator[Finding]:
    try:
        found = find_first_stages(settings, platform.firmware)
    except ConfigError as error:
        yield broken(loaders.NAME, str(error))
    else:
        yield from loaders.check(found)


def _folders(settings: ServerSettings) -> Iterator[Finding]:
    account = account_of(settings.user, settings.group)
    uid, gids = (account.uid, account.groups) if account else (os.geteuid(), tuple(os.getgroups()))
    folder = service_folder if account else user_folder
    if not settings.no_cache:
        cache = settings.cache_dir or folder("cache")
        yield host.check_folder("cache", "--cache-dir", cache, uid, gids, int(settings.cache_size))
    state = settings.key_file.parent if settings.key_file else folder("state")
    yield host.check_folder("state", "--key-file and --offer-memory", state, uid, gids)


def _say(finding: Finding) -> None:
    click.echo(without_secrets(f"{finding.status:{_WIDTH}} {finding.name}: {finding.what}"))
    for line in finding.mend:
        click.echo(without_secrets(f"{'':{_WIDTH}}   {line}"))


doctor_command = RunCommand(
    "doctor",
    callback=click.pass_context(_doctor),
    params=[
        click.Option(["--booter"], metavar="NAME", shell_complete=booters, help="Check this booter's settings too."),
        CONFIG_OPTION,
        json_option(),
        *server_options(),
    ],
    help="Look at this host before a server starts on it: privileges, ports and who holds them, interfaces, firewall "
    "rules that drop what machines send, loaders, clock, folders, and which DHCP and proxy servers answer here. Each "
    "line is ok, a warning or broken, with the mend. The exit status is 1 if anything is broken. It asks the network "
    "by a DHCP DISCOVER, for five seconds, and takes no address.\n\n"
    "For example: sudo pixiecore doctor --interface eth0",
    short_help="Say what on this host keeps machines from booting, and how to mend it.",
)


def _settings(ctx: click.Context) -> ServerSettings:
    """:raises ConfigError: there are mistakes in them"""
    booter = ctx.meta.get(BOOTER)
    given = {} if booter is None else given_options(ctx, booter.Settings, BOOTER_PREFIX)
    server: ServerSettings = configuration(ctx, None if booter is None else booter.name, given).settle().server
    return server

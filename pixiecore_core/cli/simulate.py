"""``pixiecore simulate``: machines that are not there boot from a server, ours or any other.

Reads the options and says what came of it; the machines are :mod:`pixiecore_core.testing.machines`. Sends only towards
the interface or the server that it is told.
"""

from __future__ import annotations

import signal
import time
from ipaddress import IPv4Address, IPv4Network
from random import Random
from typing import Any

import click
import gevent
from gevent import socket
from gevent.event import Event

from pixiecore_core.cli.documents import json_option, kept_clean, print_document
from pixiecore_core.cli.simulated import document, show_machine, show_rows, show_summary
from pixiecore_core.closest import no_such
from pixiecore_core.errors import ConfigError
from pixiecore_core.models import normalise_mac
from pixiecore_core.net.interfaces import read_interfaces
from pixiecore_core.testing.machines.crowd import MOST, Summary, machines, run
from pixiecore_core.testing.machines.faults import Faults
from pixiecore_core.testing.machines.network import Network, Played
from pixiecore_core.testing.machines.over_dhcp import DhcpWire
from pixiecore_core.testing.machines.packets import Who
from pixiecore_core.testing.machines.reach import Ports, Reach, told
from pixiecore_core.testing.machines.rows import BY_NAME, Row
from pixiecore_core.testing.machines.steps import Outcome, Stage
from pixiecore_core.testing.machines.whole import Manner, boot

_PORT = click.IntRange(1, 65535)


def _simulate(ctx: click.Context, /, as_json: bool, rows: bool, firmware: str | None, **values: Any) -> None:
    if rows:
        show_rows()
        return
    if firmware is None:
        raise click.UsageError("Say which machine: pixiecore simulate --list shows them.", ctx)
    row = BY_NAME.get(firmware)
    if row is None:
        raise ConfigError("FIRMWARE", no_such("machine", firmware, list(BY_NAME)))
    random = Random(values["seed"])
    reach = _reach(values)
    vanish = Stage(values["vanish"]) if values["vanish"] else None
    slow = float(values["slow"]) if values["slow"] else None
    faults = Faults(values["loss"] / 100, slow, vanish, random)
    manner = Manner(_settings(values["settings"]), values["timeout"], values["strict"], reach.server is not None)
    whose = list(machines(row, reach, values["count"], _mac(values["mac"]), random))
    dhcp = DhcpWire(reach, patient=values["patient"])
    network = Network(reach, dhcp, faults, values["timeout"], keep=values["count"] == 1)
    try:
        with kept_clean(as_json):
            summary = _run(row, network, manner, whose, as_json, values)
    finally:
        dhcp.close()
        faults.close()
    if as_json:
        print_document(document(row, summary))
    elif len(whose) > 1:
        show_summary(row, summary, len(whose))
    wanted = Outcome(values["expect"])
    ctx.exit(0 if [one.end.outcome for one in summary.played] == [wanted] * len(whose) else 1)


def _run(
    row: Row, network: Network, manner: Manner, whose: list[Who], as_json: bool, values: dict[str, Any]
) -> Summary:
    alone = len(whose) == 1 and not as_json

    def heard(at: float, line: str) -> None:
        if alone:
            click.echo(f"{at:8.3f}  {line}")

    def one(who: Who) -> Played:
        return network.boot(who.mac, boot(row, who, manner), heard)

    if alone:
        click.echo(f"{whose[0].mac}, {row.about}")
    stop = Event()
    gevent.signal_handler(signal.SIGINT, stop.set)
    began = time.monotonic()
    played = run(whose, one, values["parallel"], values["rate"], stop)
    summary = Summary(played, time.monotonic() - began)
    if alone and summary.played:
        show_machine(summary.played[0])
    return summary


def _reach(values: dict[str, Any]) -> Reach:
    """What may be sent to."""
    interface, server, source = values["interface"], values["server"], values["source"]
    if (interface is None) is (server is None):
        raise ConfigError("--interface", "say where: --interface NAME to ask everybody there, or --server ADDRESS")
    ports = Ports(values["dhcp_port"], values["pxe_port"], values["tftp_port"])
    try:
        networks, names = told(values["also"])
    except ValueError as error:
        raise ConfigError("--also", str(error)) from error
    if server is not None:
        to = _address("--server", server)
        ours = _address("--from", source) if source else _towards(to)
        return Reach(ours, (IPv4Network(to), *networks), names, server=to, ports=ports)
    found = next((one for one in read_interfaces() if one.name == interface), None)
    if found is None:
        known = [one.name for one in read_interfaces()]
        raise ConfigError("--interface", no_such("interface with an IPv4 address", interface, known))
    ours = _address("--from", source) if source else found.addresses[0]
    return Reach(ours, (*found.networks, *networks), names, interface=interface, ports=ports)


def _address(option: str, text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError:
        raise ConfigError(option, f"{text!r} is no IPv4 address, such as 192.0.2.2") from None


def _towards(server: IPv4Address) -> IPv4Address:
    """Our address on the way to a server: the kernel's routes say so, and nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((str(server), 9))
        except OSError as error:
            raise ConfigError("--server", f"there is no way to {server}: {error.strerror}") from error
        return IPv4Address(sock.getsockname()[0])


def _mac(text: str | None) -> str:
    if text is None:
        return ""
    try:
        return normalise_mac(text)
    except ValueError as error:
        raise ConfigError("--mac", str(error)) from error


def _settings(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if wrong := [name or text for (name, equals, _), text in zip(pairs, texts, strict=True) if not (name and equals)]:
        raise ConfigError("--set", f"{wrong[0]!r} is not NAME=VALUE, such as serial=ABC123")
    return {name: value for name, _, value in pairs}


def _option(*names: str, **attributes: Any) -> click.Option:
    return click.Option(names, **attributes)


simulate_command = click.Command(
    "simulate",
    callback=click.pass_context(_simulate),
    help="Boot a machine that is not there: what firmware and iPXE send, against any server, up to the kernel.\n\n"
    "Says what it sent, what it got and when, and what it would have booted; nothing is started. It asks either "
    "everybody on the network of an interface, as a machine there would (this needs root), or one server, as machines "
    "behind a DHCP relay do. It takes no address: it uses one of this host.\n\n"
    "Ends with status 0 if every machine came to the end that --expect names, else with 1.\n\n"
    "For example: pixiecore simulate uefi-x64 --interface eth0",
    params=[
        click.Argument(["firmware"], required=False, metavar="FIRMWARE"),
        _option("--list", "rows", is_flag=True, help="Show the machines that there are, and end."),
        _option("--interface", metavar="NAME", help="Ask everybody on the network of this interface."),
        _option("--server", metavar="ADDRESS", help="Ask this server alone, as a DHCP relay would."),
        _option(
            "--from",
            "source",
            metavar="ADDRESS",
            help="Send from this address of this host. [default: that on the way to the server]",
        ),
        _option(
            "--also",
            multiple=True,
            metavar="NETWORK|NAME",
            help="Let machines fetch from here too, besides the interface's networks or the server; may be repeated.",
        ),
        _option("--mac", metavar="MAC", help="MAC address of the first machine. [default: a made-up one]"),
        _option(
            "--set",
            "settings",
            multiple=True,
            metavar="NAME=VALUE",
            help="A setting that iPXE has, such as serial=ABC or manufacturer=Dell; may be repeated.",
        ),
        _option("--count", type=click.IntRange(1, MOST), default=1, show_default=True, help="How many machines."),
        _option(
            "--parallel", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many boot at once."
        ),
        _option("--rate", type=click.FloatRange(0.01, 1000), help="How many begin in a second, at most."),
        _option(
            "--loss",
            type=click.FloatRange(0, 90),
            default=0.0,
            metavar="PERCENT",
            help="Lose this share of DHCP's and TFTP's datagrams, each way.",
        ),
        _option(
            "--slow",
            type=click.IntRange(1),
            metavar="BYTES",
            help="Read at most so many bytes a second, each machine.",
        ),
        _option(
            "--vanish",
            type=click.Choice([str(stage) for stage in Stage]),
            help="Switch each machine off at this step, without a goodbye; halfway through, where it is a file.",
        ),
        _option(
            "--timeout",
            type=click.FloatRange(1, 86400),
            default=300.0,
            show_default=True,
            metavar="SECONDS",
            help="How long a boot may take; a server that says 'wait' is waited for as long.",
        ),
        _option("--patient", is_flag=True, help="Listen for offers as long as firmware does, also when one will do."),
        _option("--strict", is_flag=True, help="Stop where real firmware would, for lack of a DHCP server's offer."),
        _option(
            "--expect",
            type=click.Choice([str(outcome) for outcome in Outcome]),
            default=str(Outcome.BOOTED),
            show_default=True,
            help="The end that every machine should come to.",
        ),
        _option("--seed", type=int, help="Make up the same addresses, and lose the same datagrams, as the last time."),
        _option("--dhcp-port", type=_PORT, default=67, show_default=True, help="The server's port for DHCP."),
        _option("--pxe-port", type=_PORT, default=4011, show_default=True, help="Its port for boot-server requests."),
        _option("--tftp-port", type=_PORT, default=69, show_default=True, help="Its port for TFTP."),
        json_option(),
    ],
)
"""The command."""

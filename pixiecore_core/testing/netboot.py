"""A netboot server in memory: the real decisions, hooks and pages, with nothing between them but function calls.

What machines send and do is the simulated machines' (``pixiecore simulate`` plays the same over a network); what they
would receive is handed back. Whether real firmware takes an offer is for the lab.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit
from uuid import UUID

import gevent
from werkzeug.test import Client as HttpClient

from pixiecore_core.assembly import Parts, assemble
from pixiecore_core.engine.words import sentence
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.rows import Transport
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models import Fact
from pixiecore_core.net.answering import Answerer, Place
from pixiecore_core.net.boot_pages import BootPages
from pixiecore_core.net.dhcp_socket import Datagram
from pixiecore_core.net.interfaces import Interface, Interfaces
from pixiecore_core.net.site import Site
from pixiecore_core.observe.log import configure
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.testing.in_memory import Driven, NobodyAnswers
from pixiecore_core.testing.machines.ipxe import Booter
from pixiecore_core.testing.machines.packets import Who, discover, ipxe_discover
from pixiecore_core.testing.machines.rows import BY_NAME, Ipxe, Row, efi_ipxe, of_architecture
from pixiecore_core.testing.machines.steps import Outcome, play
from pixiecore_core.web.plugin_pages import plugin_pages
from pixiecore_core.wire.dhcp4 import Dhcp4Message, Option, parse, serialize

SERVER = IPv4Address("192.0.2.2")
_INTERFACE = Interface(1, "eth0", (SERVER,))
_MAC = "52:54:00:12:34:56"
_LONGEST_WAIT = 30.0


@dataclass(frozen=True, slots=True)
class Offer:
    """What a machine is offered: the boot file's TFTP name, or the script's URL."""

    boot_file: str
    server: IPv4Address


@dataclass(frozen=True, slots=True)
class Boot:
    """What a machine got on its way from power-on to its kernel."""

    offer: Offer
    """The first-stage boot file, offered to the firmware; for an iPXE in ROM the same as ``script_offer``."""
    script_offer: Offer
    script: str
    cmdline: str
    """The kernel command line, without the ``initrd=`` words that the core puts before it."""
    kernel: bytes
    initrds: tuple[bytes, ...]


@dataclass(slots=True)
class _Wire:
    """Stands in for a DHCP socket."""

    port: int = 67
    sent: list[Dhcp4Message] = field(default_factory=list)

    def send(self, data: bytes, destination: tuple[str, int], interface: int, source: IPv4Address) -> None:
        self.sent.append(parse(data))


class Netboot:
    """A server with the given plugins; as on the command line, the booter first: it is asked last.

    :param plugins: plugin objects or modules with hook implementations; their ``on_startup`` has fired, and
        :meth:`close` stops them
    """

    def __init__(self, *plugins: object) -> None:
        self._log = io.StringIO()
        core = self._core = assemble(
            configure(debug=True, stream=self._log), Parts(lambda manager: _register(manager, plugins), _everything)
        )
        interfaces = Interfaces(adapters=lambda: [_INTERFACE])
        self._answerer = Answerer(core.decider, core.adapter, core.names, core.bus, Place(interfaces))
        boot = BootPages(core.scripts, core.first_stage, core.urls, core.bus)
        pages = {**plugin_pages(core.plugins, core.plugins.register_routes(), core.urls.sealer), **boot.pages()}
        self._http = HttpClient(Site(pages, boot.folders()))
        core.plugins.on_startup()

    @property
    def log(self) -> str:
        """Every line logged so far."""
        return self._log.getvalue()

    def counts(self) -> str:
        """All counts, in the Prometheus text format."""
        return self._core.metrics.exposition().decode()

    def facts(self, mac: str = _MAC) -> list[Fact]:
        """The machine's timeline: what happened to it, oldest first."""
        return self._core.attempts.facts(mac)

    def sentences(self, mac: str = _MAC) -> list[str]:
        """The same in words."""
        return [sentence(fact) for fact in self.facts(mac)]

    def discover(self, mac: str = _MAC, architecture: int = 0, ipxe: bool = False) -> Offer | None:
        """What the machine is offered when it asks; ``None`` if it is ignored.

        :param architecture: IANA code, 0 for BIOS, 7 for UEFI x64
        :param ipxe: whether it is an iPXE that can fetch over HTTP
        """
        row, who = self._row(architecture), self._who(mac)
        message = ipxe_discover(self._ipxe(architecture), who, 4) if ipxe else discover(row, who, row.secs[0])
        reply = self._answer(message)
        if reply is None:
            return None
        boot_file = reply.file or reply.options.get(Option.BOOT_FILE, b"").rstrip(b"\0")
        return Offer(boot_file.decode(), reply.siaddr)

    def _row(self, code: int) -> Row:
        known = self._core.decider.loaders.table.architecture(code)
        return of_architecture(code, known.transport is Transport.HTTP)

    def _ipxe(self, code: int) -> Ipxe:
        """The iPXE that a machine of this architecture is handed: a new one."""
        row = self._core.decider.loaders.table.row(code)
        build = efi_ipxe(code, "x86_64") if code else BY_NAME["bios"].ipxe
        assert build is not None
        if row is not None:
            build = replace(build, buildarch=row.cpu, platform=row.platform)
        return replace(build, version=_NEWEST)

    def _who(self, mac: str) -> Who:
        return Who(mac, UUID(int=0), hears_unicast=True)

    def _answer(self, message: Dhcp4Message) -> Dhcp4Message | None:
        wire = _Wire()
        datagram = Datagram(serialize(message), ("0.0.0.0", 68), _INTERFACE.index, IPv4Address("255.255.255.255"))
        self._answerer.receive(wire, datagram, "dhcp")
        self._answerer.wait(_LONGEST_WAIT)
        return wire.sent[0] if wire.sent else None

    def boot(self, mac: str = _MAC, architecture: int = 0, ipxe_rom: bool = False, **query: str) -> Boot | None:
        """Take a machine all the way: the offer to its firmware, the offer to iPXE, the script, kernel and initrds, and
        the word that it has everything and starts its kernel (the fact ``Booting``; see :meth:`settle`).

        By iPXE, whatever its firmware: U-Boot and Raspberry Pis boot so too here, :meth:`discover` shows their offers.
        Its script is run as iPXE would, but for waiting: who has to wait is an error here. Files of other servers are
        not fetched; a byte stands for each. One that goes to its disk fetches no kernel, and has ``SentToDisk`` among
        its facts.

        :param architecture: IANA code, 0 for BIOS, 7 for UEFI x64, 11 for UEFI arm64
        :param ipxe_rom: whether its network card has an iPXE, so that it goes straight to the script
        :param query: further parameters of the script URL, such as ``uuid`` or ``serial``
        :returns: ``None`` if it is ignored before its script
        :raises LookupError: it got so far and was then told something else
        """
        offer = None if ipxe_rom else self.discover(mac, architecture)
        if offer is None and not ipxe_rom:
            return None
        booter = Booter(self._ipxe(architecture), self._who(mac), {"chip": "", "busid": "", **query}, 0.0, alone=True)
        driven = Driven(str(SERVER), self._answer, self.fetch)
        try:
            end = play(booter.boot(), driven.perform)
        except NobodyAnswers:
            return None
        if end.outcome in (Outcome.FAILED, Outcome.HELD, Outcome.NO_OFFER):
            raise LookupError(driven.problem or end.reason)
        assert booter.offer is not None
        script_offer = Offer(booter.offer.file or booter.offer.boot_file, booter.offer.server)
        return Boot(
            offer or script_offer,
            script_offer,
            end.script,
            _INITRD_WORDS.sub("", end.cmdline),
            end.kernel.head if end.kernel is not None else b"",
            tuple(initrd.head for initrd in end.initrds),
        )

    def get(self, url: str, token: str = "", headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Status and text of any page, such as a plugin's own.

        :param url: a URL of a script, or just a path
        :param token: goes along as ``Authorization: Bearer``
        :param headers: further headers of the request
        """
        return self._ask("GET", url, token, headers)

    def post(self, url: str, body: bytes, token: str = "", headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Status and text of a page that takes a POST; see :meth:`get`."""
        return self._ask("POST", url, token, headers, body)

    def _ask(
        self, method: str, url: str, token: str, headers: Mapping[str, str] | None, body: bytes | None = None
    ) -> tuple[int, str]:
        parts = urlsplit(url)
        sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        response = self._http.open(
            parts.path,
            method=method,
            query_string=parts.query,
            data=body,
            environ_overrides=_reached,
            headers=sent,
        )
        return response.status_code, response.text

    def reload(self) -> None:
        """Tell the plugins to read their files again, as SIGHUP does (``on_reload``)."""
        self._core.plugins.on_reload()

    def close(self) -> None:
        """Stop it: the plugins are told (``on_shutdown``), and hear of nothing more."""
        self._core.plugins.on_shutdown(seconds=1.0)

    def settle(self) -> None:
        """Let the plugins hear of what has happened so far."""
        gevent.sleep(0.01)

    def script(self, mac: str = _MAC, buildarch: str = "x86_64", platform: str = "efi", **query: str) -> str:
        """The iPXE script that the machine gets.

        :param query: further parameters of the script URL, such as ``uuid`` or ``serial``
        :raises LookupError: it gets none; the message is what it is told instead
        """
        asked = {"mac": mac, "arch": buildarch, "platform": platform, **query}
        # As iPXE's :uristring does: a plus sign is not a space.
        return self._script_at(urlencode(asked, quote_via=quote))

    def _script_at(self, query_string: str) -> str:
        response = self._http.get("/_/ipxe", query_string=query_string, environ_overrides=_reached)
        if response.status_code != 200:
            raise LookupError(f"{response.status_code} {response.text}")
        return response.text

    def loader(self, offer: Offer) -> bytes:
        """The first-stage boot file that a machine was offered.

        :raises LookupError: there is none
        """
        path = offer.boot_file if "://" in offer.boot_file else f"/_/loader/{offer.boot_file}"
        return self.fetch(path)

    def fetch(self, url: str) -> bytes:
        """The bytes behind a URL of a script.

        :raises LookupError: there are none
        """
        parts = urlsplit(url)
        response = self._http.get(parts.path, query_string=parts.query, environ_overrides=_reached)
        data = response.get_data()
        response.close()
        gevent.sleep(0)
        if response.status_code != 200:
            raise LookupError(f"{response.status_code} {response.text}")
        return data


_INITRD_WORDS = re.compile(r"^(?:initrd=initrd\d+(?: |$))*")
_NOWHERE = Path("/nonexistent")
_NEWEST = "2.0.0"
"""The iPXE that machines are handed."""
_reached = {"pixiecore.local_address": (str(SERVER), 80), "REMOTE_ADDR": "192.0.2.100"}


def _register(manager: PluginManager, plugins: tuple[object, ...]) -> None:
    for number, plugin in enumerate(plugins):
        manager.register(plugin, getattr(plugin, "name", f"plugin {number}"))


def _everything(firmware: FirmwareTable) -> FoundLoaders:
    """As if every loader were installed, and new; none can be read."""
    names = [one.name for one in firmware.loaders()]
    return FoundLoaders(firmware, dict.fromkeys(names, _NOWHERE), _NOWHERE, versions=dict.fromkeys(names, _NEWEST))

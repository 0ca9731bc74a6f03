"""What iPXE does by itself: asks by DHCP, fetches the file that it is told, and runs it. Opens nothing.

After iPXE's autoboot.c and dhcp.c. The commands of scripts are in ``ipxe_shell``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pixiecore_core.testing.machines.ipxe_commands import COMMANDS
from pixiecore_core.testing.machines.ipxe_shell import Ended, Shell, absolute
from pixiecore_core.testing.machines.ipxe_text import is_script
from pixiecore_core.testing.machines.offers import Choice, Offer, for_ipxe, read
from pixiecore_core.testing.machines.packets import Who, boot_server_request, ipxe_discover
from pixiecore_core.testing.machines.rows import Ipxe
from pixiecore_core.testing.machines.steps import Answer, Ask, End, Outcome, Play, Stage, Tell, ask
from pixiecore_core.wire.dhcp4 import NO_ADDRESS

_WINDOWS = (2.0, 2.0, 4.0, 8.0)
"""Seconds after each DISCOVER: a proxy has two from the start on (dhcp.c, DHCP_DISC_PROXY_TIMEOUT_SEC)."""
_BOOT_SERVER_WINDOWS = (0.25, 0.5, 0.75, 1.0)
_BOOT_SERVER_ORDER = (53, 57, 93, 94, 60, 77, 55, 175, 61, 97)
_AUTOEXEC = "autoexec.ipxe"


@dataclass(slots=True)
class Booter:
    """An iPXE that boots.

    :param known: settings that the machine has beside those that iPXE makes: ``serial``, ``manufacturer``, …
    :param strict: whether it goes without where real iPXE would
    :param alone: whether no DHCP server is there to be heard, so that nothing is said of it
    """

    ipxe: Ipxe
    who: Who
    known: dict[str, str] = field(default_factory=dict)
    patience: float = 300.0
    strict: bool = False
    alone: bool = False
    offer: Offer | None = None
    """What it took."""

    def boot(self, loaded_from: str = "") -> Play[End]:
        """Boot; how it ended.

        :param loaded_from: the URL that iPXE itself came from; empty for one in a network card
        """
        shell = Shell(self.ipxe, self._settings(), COMMANDS, self._ask, self._autoboot, self.patience)
        try:
            errno = yield from self._begin(shell, loaded_from)
        except Ended as ended:
            return ended.end
        if errno == _NO_OFFER:
            return End(Outcome.NO_OFFER, "nobody offers iPXE anything to boot", script=shell.script)
        if errno:
            reason = f"iPXE gives up: {shell.trouble or f'error {errno:#x}'}"
            return End(Outcome.FAILED, reason, script=shell.script)
        return End(Outcome.LOCAL, "its script ends: the firmware goes on", script=shell.script)

    def _settings(self) -> dict[str, str]:
        address = "" if self.who.address == NO_ADDRESS else str(self.who.address)
        return {
            "mac": self.who.mac,
            "ip": address,
            "uuid": str(self.who.uuid) if self.who.uuid.int else "",
            "buildarch": self.ipxe.buildarch,
            "platform": self.ipxe.platform,
            "version": self.ipxe.version,
            "chip": self.ipxe.chip,
            "busid": "01:1a:f4:10:00",
            **self.known,
        }

    def _begin(self, shell: Shell, loaded_from: str) -> Play[int]:
        if self.ipxe.autoexec and loaded_from:
            beside = absolute(loaded_from, _AUTOEXEC)
            for url in dict.fromkeys((beside, absolute(loaded_from, f"/{_AUTOEXEC}"))):
                fetched = yield from shell.fetch(url, Stage.SCRIPT)
                if not fetched.problem and is_script(fetched.head):
                    return (yield from shell.run_fetched(_AUTOEXEC, url, fetched))
        return (yield from self._autoboot(shell))

    def _autoboot(self, shell: Shell) -> Play[int]:
        errno = yield from self._ask(shell)
        if errno:
            return errno
        url = shell.setting("filename")
        if "://" not in url:
            url = f"tftp://{shell.setting('next-server')}/{url.lstrip('/')}"
        url = shell.expand(url)
        fetched = yield from shell.fetch(url, Stage.SCRIPT)
        return (yield from shell.run_fetched(url.rsplit("/", 1)[-1], url, fetched))

    def _ask(self, shell: Shell) -> Play[int]:
        """Ask by DHCP, and keep what is said as settings."""
        answers: list[Answer] = []
        choice = None
        for attempt, window in enumerate(_WINDOWS, 1):
            offers = read(answers)
            heard = (2 if any(one.leases for one in offers) else 0) | (
                1 if any(not one.leases for one in offers) else 0
            )
            message = ipxe_discover(self.ipxe, self.who, attempt << 2 | heard)
            answers += yield from ask(Ask(Stage.SCRIPT_OFFER, message, window, self._enough))
            choice = for_ipxe(read(answers))
            if choice is not None and not (self.strict and choice.without_lease and not self.alone):
                break
        else:
            shell.trouble = "nobody offers iPXE anything to boot"
            return _NO_OFFER
        if choice.without_lease and not self.alone:
            yield Tell("no DHCP server offers an address: real iPXE would stop here (--strict)")
        offer: Offer | None = choice.offer
        if choice.ask:
            offer = yield from self._boot_server(choice)
            if offer is None:
                shell.trouble = "the boot server does not answer on port 4011"
                return _NO_OFFER
        assert offer is not None
        self.offer = offer
        shell.settings["filename"] = offer.file or offer.boot_file
        shell.settings["next-server"] = str(offer.fetches_from)
        for one in read(answers):
            scope = "netX.dhcp" if one.leases else "proxydhcp"
            shell.settings[f"{scope}/filename"] = one.file or one.boot_file
            shell.settings[f"{scope}/next-server"] = str(one.server)
        return 0

    def _enough(self, answers: Sequence[Answer]) -> bool:
        choice = for_ipxe(read(answers))
        return choice is not None and not (self.strict and choice.without_lease and not self.alone)

    def _boot_server(self, choice: Choice) -> Play[Offer | None]:
        for number, window in enumerate(_BOOT_SERVER_WINDOWS):
            secs = 15 + 4 * number
            message = boot_server_request(self.ipxe.options, _BOOT_SERVER_ORDER, self.who, secs=secs)
            step = Ask(Stage.BOOT_SERVER, message, window, bool, choice.offer.server_id)
            for offer in read((yield from ask(step))):
                if offer.server != NO_ADDRESS and (offer.file or offer.boot_file):
                    return offer
        return None


_NO_OFFER = 0x4C106035
"""What a DHCP that times out gives (ipxe.org/4c106035)."""

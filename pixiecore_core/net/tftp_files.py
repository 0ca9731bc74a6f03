"""What the TFTP server serves, and how its transfers are reported.

The names are the first stage's; see :mod:`pixiecore_core.engine.first_stage`. Speaks no TFTP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal

from pixiecore_core.boot.chain_names import What, is_done_without, part_of
from pixiecore_core.boot.paths import ServerAddress, is_autoexec, names_a_boot, parse_loader_path
from pixiecore_core.boot.transfer import Outcome
from pixiecore_core.boot.u_boot import INITRD, KERNEL, asked_by_u_boot, is_u_boots
from pixiecore_core.engine.first_stage import FirstStage
from pixiecore_core.engine.pi_files import is_pis
from pixiecore_core.errors import BootFileNotFound
from pixiecore_core.models.facts import SENT, Booting, Failed, FileSent, Refused
from pixiecore_core.net.tftp import TftpFile, TransferReport
from pixiecore_core.net.tftp_transfers import Session
from pixiecore_core.observe.bus import Bus
from pixiecore_core.observe.progress import Moving

_U_BOOT_PURPOSES: dict[str, Literal["kernel", "initrd"]] = {KERNEL: "kernel", INITRD: "initrd"}


@dataclass(frozen=True, slots=True)
class TftpFiles:
    """Opens files for the TFTP server and reports its transfers.

    :param http_port: where a client that reached us by TFTP reaches us by HTTP
    :param limits: the largest block and window that are good for a machine
    :param serves: whether clients that reached us at an address of ours may be served
    """

    first_stage: FirstStage
    bus: Bus
    limits: Callable[[str], tuple[int | None, int | None]] = lambda mac: (None, None)
    http_port: int = 80
    serves: Callable[[IPv4Address], bool] = lambda address: True

    def open(self, name: str, client: tuple[str, int], local_address: str) -> TftpFile:
        """The first-stage file called *name*.

        :raises BootFileError: there is none, or it cannot be opened
        """
        address = IPv4Address(local_address)
        if not self.serves(address):
            raise BootFileNotFound("this network is not served")
        file, mac = self.first_stage.open(name, ServerAddress(address, self.http_port), client[0])
        blksize, windowsize = self.limits(mac) if mac is not None else (None, None)
        return TftpFile(file.size, file.source.read_at, file.source.close, blksize, windowsize)

    def moving(self, sessions: Iterable[Session]) -> Iterator[Moving]:
        """The machines' files among transfers under way."""
        for session in sessions:
            mac = _asked(session.name, IPv4Address(session.client[0])).mac if session.file is not None else None
            if mac is not None and session.file is not None and session.transfer is not None:
                sent = session.transfer.bytes_acknowledged
                yield Moving(mac, session.name, session.file.size, sent, session.began)

    def report(self, report: TransferReport) -> None:
        """Report how a request ended."""
        address, seconds = report.client[0], round(report.seconds, 3)
        asked = _asked(report.name, IPv4Address(address))
        mac = asked.mac
        if report.outcome is Outcome.PROBED:
            # A size probe ended by ERROR 8 comes before every transfer of EDK2: normal, and not worth a line.
            to = f"{mac} ({address})" if mac else address
            self.bus.aside("TFTP", f'{to} asked for the size of "{report.name}"')
        elif report.outcome is Outcome.SENT:
            kind = FileSent if is_autoexec(report.name) else SENT[asked.purpose]
            self.bus.report(
                kind(
                    mac=mac,
                    via="TFTP",
                    file=report.name,
                    purpose=asked.purpose,
                    bytes=report.sent,
                    size=report.sent,
                    seconds=seconds,
                    address=address,
                    blksize=report.blksize,
                    windowsize=report.windowsize,
                )
            )
            if asked.is_last:
                self.bus.report(Booting(mac=mac, via="TFTP"))  # nothing comes between it and its kernel
        elif report.outcome is Outcome.REFUSED and asked.is_optional:
            self.bus.aside("TFTP", f'{mac or address} asked for "{report.name}", and does without')
        elif report.outcome is Outcome.REFUSED:
            self.bus.report(
                Refused(
                    mac=mac,
                    via="TFTP",
                    what="transfer",
                    source=address,
                    file=report.name,
                    reason=report.reason or "",
                )
            )
        else:
            self.bus.report(
                Failed(
                    mac=mac,
                    via="TFTP",
                    step="transfer",
                    reason=report.reason or "",
                    file=report.name,
                    bytes=report.sent,
                    size=report.size,
                    seconds=seconds,
                    address=address,
                )
            )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a name tells about who asks by it, and what for."""

    mac: str | None
    purpose: Literal["kernel", "initrd", "file", "loader"]
    is_last: bool
    """Whether nothing comes between the file and the kernel's start."""
    is_optional: bool
    """Whether it is no failure of a machine's not to get the file: one of many names that it tries."""


def _asked(path: str, client: IPv4Address) -> _Asked:
    wanted, part, by_u_boot = parse_loader_path(path), part_of(path), asked_by_u_boot(path, client)
    mac = wanted.mac if wanted is not None else by_u_boot.mac or None if by_u_boot is not None else None
    is_optional = is_done_without(path) or is_u_boots(path) or is_pis(path)
    if names_a_boot(path):
        return _Asked(mac, "kernel", True, is_optional)
    if part is not None:
        return _Asked(mac, "initrd" if part.what is What.INITRD else "kernel", part.is_last, is_optional)
    if by_u_boot is not None:
        return _Asked(mac, _U_BOOT_PURPOSES.get(by_u_boot.part, "file"), by_u_boot.is_last, not by_u_boot.mac)
    return _Asked(mac, "loader", False, is_optional)

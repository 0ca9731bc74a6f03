"""What the TFTP server serves, and how its transfers are told in the log and in a machine's timeline.

The names are the first stage's; see :mod:`pixiecore_core.net.first_stage`. Speaks no TFTP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address

from pixiecore_core.boot.paths import is_autoexec, parse_loader_path
from pixiecore_core.boot.transfer import Outcome
from pixiecore_core.errors import BootFileNotFound
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models import Event, EventKind
from pixiecore_core.net.first_stage import FirstStage
from pixiecore_core.net.tftp import TftpFile, TransferReport
from pixiecore_core.observe.recorder import Recorder
from pixiecore_core.plugins.manager import PluginManager


@dataclass(slots=True)
class TftpFiles:
    """Opens files for the TFTP server and reports its transfers.

    :param serves: whether clients that reached us at an address of ours may be served
    """

    plugins: PluginManager
    recorder: Recorder
    firmware: FirmwareTable
    serves: Callable[[IPv4Address], bool] = lambda address: True

    def open(self, name: str, client: tuple[str, int], local_address: str) -> TftpFile:
        """The first-stage file called *name*.

        :raises BootFileError: there is none, or it cannot be opened
        """
        if not self.serves(IPv4Address(local_address)):
            raise BootFileNotFound("this network is not served")
        file, _ = FirstStage(self.plugins, self.firmware).open(name)
        return TftpFile(file.size, file.source.read_at, file.source.close)

    def report(self, report: TransferReport) -> None:
        """Tell how a request ended."""
        loader = parse_loader_path(report.name)
        mac = loader.mac if loader else None
        to = f"{mac} ({report.client[0]})" if mac else report.client[0]
        if report.outcome is Outcome.PROBED:
            # A size probe ended by ERROR 8 comes before every transfer of EDK2: normal, and no news.
            self.recorder.ignored_traffic("TFTP", f'{to} asked for the size of "{report.name}"')
            return
        if report.outcome is Outcome.SENT:
            kind = EventKind.FILE_SENT if is_autoexec(report.name) else EventKind.LOADER_SENT
            text = f'Sent file "{report.name}" (loader, {report.sent:,} bytes in {report.seconds:.1f} s) to {to}'
        else:
            kind = EventKind.REFUSED if report.outcome is Outcome.REFUSED else EventKind.FAILED
            progress = f" after {report.sent:,} of {report.size:,} bytes" if report.size else ""
            text = f'Failed to send file "{report.name}" to {to}{progress}: {report.reason}'
        self.recorder.record(
            Event(
                kind=kind,
                subsystem="TFTP",
                mac=mac,
                message=text,
                details={
                    "file": report.name,
                    "outcome": report.outcome.value,
                    "bytes": report.sent,
                    "seconds": round(report.seconds, 3),
                    "blksize": report.blksize,
                    "windowsize": report.windowsize,
                },
            )
        )

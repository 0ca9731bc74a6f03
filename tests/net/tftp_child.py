"""A TFTP server in a process of its own, for judges that are processes too.

Run as ``python -m tests.net.tftp_child FOLDER ADDRESS``: prints its port, then a JSON line for each report.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys

from gevent.event import Event

from pixiecore_core.files.local import open_local
from pixiecore_core.net.tftp import TftpFile, TftpServer, TransferReport


def main(folder: str, address: str) -> None:
    """Serve *folder* until killed."""

    def open_file(name: str, client: tuple[str, int], local_address: str) -> TftpFile:
        file = open_local(os.path.join(folder, name))
        return TftpFile(file.size, file.source.read_at, file.source.close)

    def report(report: TransferReport) -> None:
        say(json.dumps(dataclasses.asdict(report)))

    server = TftpServer(address, 0, open_file=open_file, on_report=report)
    server.start()
    say(str(server.port))
    Event().wait()


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Fetches by TFTP for a simulated machine: a socket around ``tftp_download``."""

from __future__ import annotations

from gevent import socket

from pixiecore_core.errors import WireError
from pixiecore_core.testing.machines.faults import Body, Faults, TooMuch, Vanished
from pixiecore_core.testing.machines.reach import Reach
from pixiecore_core.testing.machines.steps import Fetched, FetchTftp
from pixiecore_core.testing.machines.tftp_download import Download
from pixiecore_core.wire.tftp import ErrorCode

_SILENCE = 1.0
"""Seconds after which a client says again what it said last; EDK2 and iPXE begin with no more than that."""
_TRIES = 6
_CAUSES: dict[int, str] = {ErrorCode.FILE_NOT_FOUND: "missing", ErrorCode.ACCESS_VIOLATION: "forbidden"}


def fetch(step: FetchTftp, reach: Reach, faults: Faults) -> Fetched:
    """Fetch a file.

    :raises Vanished: this is where the machine is switched off
    """
    body = Body(step.stage, faults)
    try:
        download = Download(step.name, step.options, body.add, step.probe)
    except WireError as error:
        return Fetched(problem=f"{step.name!r} cannot be asked for: {error}", cause="broken")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((str(reach.address), 0))
            problem = _transfer(sock, (step.server, reach.ports.tftp), download, body, step.timeout or _SILENCE)
        except ConnectionRefusedError:
            return Fetched(problem=f"nobody listens for TFTP at {step.server}", cause="refused")
        except (OSError, TooMuch) as error:
            return Fetched(problem=str(error), cause="broken")
    if problem:
        return Fetched(problem=problem, cause="silent")
    if download.problem:
        return Fetched(problem=download.problem, cause=_CAUSES.get(download.code or 0, "broken"))
    return Fetched(size=download.size or 0) if step.probe else body.whole()


def _transfer(sock: socket.socket, server: tuple[str, int], download: Download, body: Body, silence: float) -> str:
    """Exchange datagrams until it is done, or there is silence; why it came to nothing, if it did."""
    sock.settimeout(silence)
    connected, tries = False, 0
    say: bytes | None = download.again()
    while True:
        if say is not None and not body.faults.loses():
            sock.send(say) if connected else sock.sendto(say, server)
        if download.done:
            return ""
        try:
            data, source = sock.recvfrom(1 << 16)
        except TimeoutError:
            tries += 1
            if tries >= _TRIES:
                return f"{server[0]} does not answer by TFTP"
            say = download.again()
            continue
        say = None
        if body.faults.loses() or source[0] != server[0]:
            continue
        if not connected:
            sock.connect(source)
            connected = True
        say, tries = download.receive(data), 0
        body.expected = download.size
        if body.faults.vanish is body.stage and download.done:
            raise Vanished

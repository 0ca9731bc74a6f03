"""``pixiecore explain FILE``: the machines in a capture, explained by the code that explains a running server's.

Opens the file and says how much of it could be read. Judges nothing itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from pixiecore_core.boot.paths import ServerAddress
from pixiecore_core.engine.case import PATIENCE_WITH_CAPTURES
from pixiecore_core.engine.replaying import Replay
from pixiecore_core.errors import ConfigError, PixiecoreError, WireError
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.web.views import case_of, detail, names_for, unknown
from pixiecore_core.wire import pcap
from pixiecore_core.wire.captured import counted
from pixiecore_core.wire.frames import Decoder

_NOBODY = IPv4Address("192.0.2.2")
"""Stands for the boot server in what to do, where the capture has none (RFC 5737)."""


class Unreadable(PixiecoreError):
    """A capture that is none, or is cut off."""


def read(file: Path, server: IPv4Address | None) -> tuple[Replay, Unreadable | None]:
    """What a capture holds, and why not all of it could be read, if so.

    :param server: the boot server that it is about; found out if not given
    :raises ConfigError: the file cannot be opened
    """
    try:
        with file.open("rb") as opened:
            replay, decoder, fault = _found_out(opened) if server is None else _replayed(opened, server)
    except OSError as error:
        raise ConfigError("FILE", f"{file} cannot be read: {error.strerror}") from error
    if fault is not None:
        return replay, Unreadable(f"{file}: {fault}")
    if decoder.unreadable and not replay.explainable():
        reason, number = decoder.unreadable.most_common(1)[0]
        return replay, Unreadable(f"{file}: {counted(number)} of it could not be read: {reason}")
    return replay, None


def _found_out(opened: IO[bytes]) -> tuple[Replay, Decoder, WireError | None]:
    """A capture of whichever boot server: read again, where another was taken for it at first."""
    if not opened.seekable():  # a pipe
        with TemporaryFile() as copy:
            shutil.copyfileobj(opened, copy)
            copy.seek(0)
            return _found_out(copy)
    found = _replayed(opened, None)
    if found[0].was_mistaken:
        opened.seek(0)
        found = _replayed(opened, found[0].server)
    return found


def _replayed(opened: IO[bytes], server: IPv4Address | None) -> tuple[Replay, Decoder, WireError | None]:
    """A capture up to its end, or to what is no frame."""
    replay, decoder, fault = Replay(server), Decoder(), None
    try:
        for frame in pcap.read(opened):
            replay.wait(frame.at)
            for said in decoder.take(frame):
                replay.take(said)
    except WireError as error:
        fault = error
    for said in decoder.finish():
        replay.take(said)
    replay.finish()
    return replay, decoder, fault


def explained(replay: Replay, macs: list[str]) -> Iterator[Mapping[str, Any]]:
    """Each machine as ``/_/v1/machines/MAC`` would have it."""
    server, around = ServerAddress(replay.server or _NOBODY), replay.neighbours.now()
    for mac in macs:
        attempt = replay.attempts.latest(mac)
        case = replace(case_of(mac, attempt, replay.now, around), patience=PATIENCE_WITH_CAPTURES)
        machine = attempt.machine if attempt is not None else None
        names = names_for(mac, machine, server, KNOWN)
        found = detail(attempt, True, None, case, names) if attempt is not None else unknown(mac, case, names)
        yield found.model_dump(mode="json")

"""A whole boot of a row of the table: firmware, then what it has loaded. Opens nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pixiecore_core.testing.machines.boards import pi, u_boot
from pixiecore_core.testing.machines.firmware import first_file
from pixiecore_core.testing.machines.ipxe import Booter
from pixiecore_core.testing.machines.packets import Who
from pixiecore_core.testing.machines.rows import Row, Way
from pixiecore_core.testing.machines.steps import End, Outcome, Play, Tell


@dataclass(frozen=True, slots=True)
class Manner:
    """How a boot is played.

    :param known: what iPXE knows of the machine: ``serial``, ``manufacturer``, …
    :param patience: how many seconds in all iPXE waits for a server that says 503
    :param strict: whether it stops where real firmware would, for lack of a DHCP server
    :param alone: whether no DHCP server is there to be heard, so that nothing is said of it
    """

    known: Mapping[str, str] = field(default_factory=dict)
    patience: float = 300.0
    strict: bool = False
    alone: bool = False


def boot(row: Row, who: Who, manner: Manner) -> Play[End]:
    """Boot a machine, from its firmware's first DISCOVER to its kernel."""
    if row.way is Way.U_BOOT:
        return (yield from u_boot(row, who, manner.strict, manner.alone))
    if row.way is Way.PI:
        return (yield from pi(row, who, manner.strict, manner.alone))
    url = ""
    if row.way is not Way.IPXE:
        loaded = yield from first_file(row, who, manner.strict, manner.alone)
        if isinstance(loaded, End):
            return loaded
        url = loaded.url
    if row.ipxe is None:
        return End(Outcome.LOADER, "its firmware starts its first file")
    if url:
        yield Tell(f"starts it as iPXE {row.ipxe.version}")
    booter = Booter(row.ipxe, who, dict(manner.known), manner.patience, manner.strict, manner.alone)
    return (yield from booter.boot(url))

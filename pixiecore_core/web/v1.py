"""``/_/v1``: machines and their explanations as JSON, for the page, for ``pixiecore status`` and ``explain``.

Read-only. Finds what is asked for and hands it to :mod:`pixiecore_core.web.views`; machines are gone through with the
event loop let go in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from itertools import islice

import gevent
from gevent.lock import BoundedSemaphore
from pydantic import BaseModel, Field
from werkzeug.wrappers import Request, Response

from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.engine.diagnoses.common import outcome_of
from pixiecore_core.engine.neighbours import Neighbourhood
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models import normalise_mac
from pixiecore_core.net.site import Page, server_of
from pixiecore_core.observe.frame_capture import capture
from pixiecore_core.observe.frames import LastFrames
from pixiecore_core.observe.progress import Progress
from pixiecore_core.web.headers import HEADERS
from pixiecore_core.web.status import MACHINES, READERS
from pixiecore_core.web.views import (
    ActionView,
    MachineDetail,
    MachineSummary,
    case_of,
    detail,
    is_sought,
    names_for,
    summary,
    unknown,
)

MACHINES_PATH = "/_/v1/machines"
"""The machines heard of last, a summary each: ``{"machines": [...], "known": N}``. In the query ``limit`` is how many
(100 if not given, or ``all``), ``state`` only those in this state, ``find`` only those whose MAC, name, serial number,
model or address has this text in it."""
MACHINE_PATH = "/_/v1/machines/"
"""``MAC``: one machine with its timeline, the diagnoses and what to do; also one that has not been heard of, since that
has its reasons. ``MAC/frames.pcap``: its last frames as a capture, secrets blanked unless the query has ``raw=1``; for
whoever sees all. ``latest`` in the place of the MAC is the machine heard of last; 404 where none was. 400 for what is
not a MAC."""

FRAMES = "frames.pcap"
_LATEST = "latest"

Full = Callable[[Request], bool]
"""Whether whoever asks may see all of it."""


class MachineList(BaseModel):
    """What ``/_/v1/machines`` answers."""

    machines: list[MachineSummary]
    known: int = Field(description="how many machines are remembered")


@dataclass(frozen=True, slots=True)
class MachinePages:
    """The pages.

    :param full: whether whoever asks may see what people have written
    :param neighbours: the other servers here, which may break boots
    """

    attempts: Attempts
    progress: Progress
    firmware: FirmwareTable
    frames: LastFrames
    full: Full
    neighbours: Neighbourhood = field(default_factory=Neighbourhood)
    clock: Callable[[], float] = field(default=time.time)
    readers: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(READERS))
    """Those whom lists are being made for: each may go through all machines."""
    actions: Callable[[str], list[ActionView]] = lambda mac: []
    """What can be done about a machine."""
    ours_on: Callable[[str], IPv4Address | None] = lambda interface: None
    """Our address on an interface, by which machines there reach us."""

    def pages(self) -> dict[str, Page]:
        """The pages by path."""
        return {MACHINES_PATH: self._machines}

    def folders(self) -> dict[str, Page]:
        """The pages that answer for all paths that begin so."""
        return {MACHINE_PATH: self._machine}

    def _machines(self, request: Request) -> Response:
        limit, state, find = (request.args.get(name, "") for name in ("limit", "state", "find"))
        if limit and limit != "all" and not (limit.isascii() and limit.isdecimal() and len(limit) <= 9):
            return _told(400, "limit is a number, or 'all'")
        most = len(self.attempts) if limit == "all" else int(limit or MACHINES)
        if not self.readers.acquire(blocking=False):
            busy = _told(503, "too many are reading this; ask again")
            busy.headers["Retry-After"] = "1"
            return busy
        try:
            chosen = self.chosen(self.full(request), most, state, find)
        finally:
            self.readers.release()
        return as_json(MachineList(machines=chosen, known=len(self.attempts)))

    def chosen(self, full: bool, most: int, state: str = "", find: str = "") -> list[MachineSummary]:
        """The machines heard of last, of those that are sought.

        :param state: only those in this state; empty for any
        :param find: only those that are known by something with this text in it
        """
        macs = self.attempts.machines()
        sought = self._sought(macs, state, find, full) if state or find else iter(macs)
        return list(self.summaries(islice(sought, most), full))

    def _sought(self, macs: Sequence[str], state: str, find: str, full: bool) -> Iterator[str]:
        moving, now = self.progress.now(), self.clock()
        for number, mac in enumerate(macs):
            attempt = self.attempts.latest(mac)
            if attempt is not None and (not find or is_sought(attempt, find, full)):
                case = case_of(mac, attempt, now, None, moving.get(mac))
                if not state or outcome_of(case) == state:
                    yield mac
            if number % 100 == 99:
                gevent.sleep(0)

    def summaries(self, macs: Iterable[str], full: bool) -> Iterator[MachineSummary]:
        """Those that are still remembered when their turn comes; other greenlets run between them."""
        moving, now, around = self.progress.now(), self.clock(), self.neighbours.now()
        for number, mac in enumerate(macs):
            attempt = self.attempts.latest(mac)
            if attempt is not None:
                case = case_of(mac, attempt, now, around, moving.get(mac))
                yield summary(attempt, full, moving.get(mac), case)
            if number % 10 == 9:
                gevent.sleep(0)

    def _machine(self, request: Request) -> Response:
        wanted, _, further = request.path.removeprefix(MACHINE_PATH).partition("/")
        if further not in ("", FRAMES):
            return _told(404, "no such page")
        if wanted == _LATEST:
            known = self.attempts.machines()
            if not known:
                return _told(404, "no machine has asked to boot yet")
            wanted = known[0]
        try:
            mac = normalise_mac(wanted)
        except ValueError as error:
            return _told(400, str(error))
        if further:
            return self._frames(request, mac)
        return as_json(self.detail(request, mac))

    def detail(self, request: Request, mac: str) -> MachineDetail:
        """A machine with all that whoever asks may see of it; also one that has not been heard of."""
        attempt = self.attempts.latest(mac)
        moving = self.progress.now().get(mac)
        case = case_of(mac, attempt, self.clock(), self.neighbours.now(), moving)
        machine = (attempt.told or attempt.machine) if attempt is not None else None
        server = server_of(request)
        if server.ip.is_loopback:  # by which whoever asks has reached us, and no machine does
            known = attempt.machine.interface if attempt is not None else ""
            server = replace(server, ip=self.ours_on(known) or server.ip)
        names = names_for(mac, machine, server, self.firmware)
        if attempt is None:
            told = unknown(mac, case, names)
        else:
            told = detail(attempt, self.full(request), moving, case, names)
        return told.model_copy(update={"actions": self.actions(mac)})

    def _frames(self, request: Request, mac: str) -> Response:
        if not self.full(request):
            return _told(403, "frames are for this host, and for who has the token")
        # Made of up to 64 messages: a millisecond.
        data = capture(self.frames, mac, raw=request.args.get("raw") == "1")
        response = Response(data, headers=HEADERS, content_type="application/vnd.tcpdump.pcap")
        response.headers["Content-Disposition"] = f'attachment; filename="{mac.replace(":", "-")}.pcap"'
        return response


def as_json(model: BaseModel) -> Response:
    """A model as a response."""
    return Response(model.model_dump_json() + "\n", headers=HEADERS, content_type="application/json")


def _told(status: int, words: str) -> Response:
    return Response(f"{words}\n", status, HEADERS, content_type="text/plain; charset=utf-8")

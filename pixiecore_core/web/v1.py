"""``/_/v1``: machines and their explanations as JSON, for the page, for ``pixiecore status`` and ``explain``.

Read-only. Finds what is asked for and hands it to :mod:`pixiecore_core.web.views`; machines are gone through with the
event loop let go in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import gevent
from pydantic import BaseModel, Field
from werkzeug.wrappers import Request, Response

from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.engine.neighbours import News
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models import normalise_mac
from pixiecore_core.net.site import Page, server_of
from pixiecore_core.observe.frame_capture import capture
from pixiecore_core.observe.frames import LastFrames
from pixiecore_core.observe.progress import Progress
from pixiecore_core.web.status import HEADERS, MACHINES
from pixiecore_core.web.views import MachineSummary, case_of, detail, names_for, summary, unknown

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
    :param neighbours: what other servers do here that breaks boots
    """

    attempts: Attempts
    progress: Progress
    firmware: FirmwareTable
    frames: LastFrames
    full: Full
    neighbours: Callable[[], Sequence[News]] = tuple
    clock: Callable[[], float] = field(default=time.time)

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
        found: list[MachineSummary] = []
        for one in self.summaries(self.attempts.machines(), self.full(request)):
            if len(found) >= most:
                break
            if (not state or one.state == state) and (not find or matches(one, find)):
                found.append(one)
        return as_json(MachineList(machines=found, known=len(self.attempts)))

    def summaries(self, macs: Sequence[str], full: bool) -> Iterator[MachineSummary]:
        """Those that are still remembered when their turn comes; other greenlets run between them."""
        moving, now, neighbours = self.progress.now(), self.clock(), self.neighbours()
        for number, mac in enumerate(macs):
            attempt = self.attempts.latest(mac)
            if attempt is not None:
                case = case_of(mac, attempt, now, neighbours, moving.get(mac))
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
        attempt = self.attempts.latest(mac)
        moving = self.progress.now().get(mac)
        case = case_of(mac, attempt, self.clock(), self.neighbours(), moving)
        machine = (attempt.told or attempt.machine) if attempt is not None else None
        names = names_for(mac, machine, server_of(request), self.firmware)
        if attempt is None:
            return as_json(unknown(mac, case, names))
        return as_json(detail(attempt, self.full(request), moving, case, names))

    def _frames(self, request: Request, mac: str) -> Response:
        if not self.full(request):
            return _told(403, "frames are for this host, and for who has the token")
        # Made of up to 64 messages: a millisecond.
        data = capture(self.frames, mac, raw=request.args.get("raw") == "1")
        response = Response(data, headers=HEADERS, content_type="application/vnd.tcpdump.pcap")
        response.headers["Content-Disposition"] = f'attachment; filename="{mac.replace(":", "-")}.pcap"'
        return response


def matches(one: MachineSummary, text: str) -> bool:
    """Whether *text* is in what a machine is known by."""
    known = (one.mac, one.name, one.serial, one.manufacturer, one.model, one.address, one.state)
    return any(text.lower() in word.lower() for word in known)


def as_json(model: BaseModel) -> Response:
    """A model as a response."""
    return Response(model.model_dump_json() + "\n", headers=HEADERS, content_type="application/json")


def _told(status: int, words: str) -> Response:
    return Response(f"{words}\n", status, HEADERS, content_type="text/plain; charset=utf-8")

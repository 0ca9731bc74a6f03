"""``/_/v1/events``: what machines do, as it happens, for open pages: server-sent events.

One greenlet, which runs only while somebody reads, looks twice a second at what has changed. Each summary is made once,
encoded once, and the same bytes go to all who may see the same. Bounded: in readers, in machines at once, and in what
waits for a reader; one that does not keep up is dropped, and begins anew when it comes back.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import gevent
from gevent import socket
from gevent.queue import Empty, Full, Queue
from pydantic import BaseModel, Field
from werkzeug.wrappers import Request, Response

from pixiecore_core.engine.attempts import MACHINES, Attempts, Outcome
from pixiecore_core.engine.case import PATIENCE
from pixiecore_core.engine.diagnoses.afterwards import LIFE_SECONDS
from pixiecore_core.net.file_body import CONNECTION
from pixiecore_core.net.site import Page
from pixiecore_core.observe.changes import Changes
from pixiecore_core.observe.progress import Progress
from pixiecore_core.web.headers import HEADERS
from pixiecore_core.web.views import MachineSummary

EVENTS_PATH = "/_/v1/events"
"""What machines do, as it happens, as server-sent events (``text/event-stream``): first ``snapshot``, the 200 machines
heard of last, then ``machines``, those that have changed, twice a second at most; both are JSON, with the number of
machines in each state. A comment every 15 seconds where nothing happens. With ``Last-Event-ID`` only what has changed
since, where that is known. 503 with Retry-After where 32 are reading, or 16 from one address."""

READERS = 32
PER_ADDRESS = 16
EVERY_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
TALLY_SECONDS = 2.0
SNAPSHOT = 200
"""Machines that a page begins with."""
AT_ONCE = 50
"""Machines in one go, the latest first; the others have their turn when less happens."""
_WAITING = 8
"""Events that wait for one reader, four seconds' worth."""
_COMES_BACK = b"retry: 2000\n\n"
_HEARTBEAT = b": nothing new\n\n"

_PATIENCE: dict[str, float] = {Outcome.UNDER_WAY: PATIENCE, Outcome.BOOTING: LIFE_SECONDS, Outcome.STALLED: 0.0}
"""After how many seconds of silence a machine in such a state is spoken of differently, though nothing has happened."""
_LONG_SILENT = 86_400.0

Summaries = Callable[[Sequence[str], bool], Iterator[MachineSummary]]
"""Makes the summaries of machines; the second is whether for whoever may see all."""


class LiveNews(BaseModel):
    """What an event holds."""

    at: float = Field(description="the server's clock, in seconds since the epoch")
    machines: list[MachineSummary] = Field(description="the one heard of last first")
    known: int = Field(description="how many machines are remembered")
    states: dict[str, int] = Field(description="how many of them are in each state")


@dataclass(eq=False, slots=True)
class _Reader:
    full: bool
    address: str
    since: int | None
    """The version that it has seen; ``None`` for nothing."""
    connection: int | None
    """The descriptor of its socket."""
    queue: Queue[bytes | None] = field(default_factory=lambda: Queue(_WAITING))
    begun: bool = False
    """Whether it has what went before."""
    dropped: bool = False


class Live:
    """Tells open pages what changes.

    :param full: whether whoever asks may see all of it
    :param clock: seconds since the epoch
    """

    def __init__(
        self,
        attempts: Attempts,
        changes: Changes,
        progress: Progress,
        summaries: Summaries,
        full: Callable[[Request], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._attempts = attempts
        self._changes = changes
        self._progress = progress
        self._summaries = summaries
        self._full = full
        self._clock = clock
        self._run_id = secrets.token_hex(4)  # versions of another process mean nothing here
        self._readers: list[_Reader] = []
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self._closed = False
        self._forget()

    def pages(self) -> dict[str, Page]:
        """The page by its path."""
        return {EVENTS_PATH: self._events}

    def close(self) -> None:
        """End every stream: the server stops."""
        self._closed = True
        for reader in self._readers:
            self._drop(reader)

    def _events(self, request: Request) -> Response:
        address = request.remote_addr or ""
        if not self._has_place(address):
            self._drop_gone()
        if self._closed or not self._has_place(address):
            headers = {**HEADERS, "Retry-After": "10"}
            return Response("too many pages are open; try again\n", 503, headers, content_type="text/plain")
        # To whoever asks for the head alone, werkzeug gives no body, and so nobody becomes a reader.
        seen = self._version_in(request.headers.get("Last-Event-ID", ""))
        reader = _Reader(self._full(request), address, seen, request.environ.get(CONNECTION))
        headers = {**HEADERS, "X-Accel-Buffering": "no"}  # nginx would keep events back
        return Response(self._stream(reader), headers=headers, content_type="text/event-stream")

    def _stream(self, reader: _Reader) -> Iterator[bytes]:
        self._readers.append(reader)
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)
        try:
            yield _COMES_BACK
            while not reader.dropped:
                try:
                    data = reader.queue.get(timeout=HEARTBEAT_SECONDS)
                except Empty:
                    data = _HEARTBEAT
                if data is None:
                    return
                yield data
        finally:
            if reader in self._readers:
                self._readers.remove(reader)

    def _has_place(self, address: str) -> bool:
        same = sum(reader.address == address for reader in self._readers)
        return len(self._readers) < READERS and same < PER_ADDRESS

    def _drop_gone(self) -> None:
        """Forget those who have closed their page, which else shows when something is sent to them."""
        for reader in [one for one in self._readers if _is_gone(one)]:
            self._readers.remove(reader)
            self._drop(reader)

    def _version_in(self, identifier: str) -> int | None:
        run, _, version = identifier.partition("-")
        known = run == self._run_id and version.isascii() and version.isdecimal() and len(version) < 20
        return int(version) if known else None

    def _run(self) -> None:
        self._forget()
        while self._readers:
            self.tick()
            gevent.sleep(EVERY_SECONDS)
        self._greenlet = None

    def _forget(self) -> None:
        """Begin with what is known now: nobody was reading."""
        self._seen = self._settled = self._changes.version
        self._pending: dict[str, None] = {}
        """Machines that have changed, the latest last."""
        self._moving: set[str] = set()
        self._turns: dict[str, float] = {}
        self._states: dict[str, int] = {}
        self._counted = float("-inf")
        self._told_states: dict[str, int] = {}

    def tick(self) -> None:
        """Tell all readers what is new."""
        begun = [reader for reader in self._readers if reader.begun]
        fresh = [reader for reader in self._readers if not reader.begun]
        version, macs = self._changes.version, self._changed()
        self._count()
        if macs or (begun and self._states != self._told_states):
            self._told_states = self._states
            for full in {reader.full for reader in begun}:
                data = self._encoded("machines", macs, full)
                for reader in begun:
                    if reader.full == full:
                        self._give(reader, data)
        self._begin(fresh, version)

    def _begin(self, fresh: Iterable[_Reader], version: int) -> None:
        """Tell newcomers what went before, all who know the same with the same bytes."""
        made: dict[tuple[bool, int | None], bytes] = {}
        for reader in fresh:
            missed = self._changes.since(reader.since) if reader.since is not None else None
            if missed is None or len(missed) > SNAPSHOT:
                reader.since, missed = None, None
            key = reader.full, reader.since
            if key not in made and missed is None:
                made[key] = self._encoded("snapshot", self._attempts.machines()[:SNAPSHOT], reader.full, version)
            elif key not in made:
                made[key] = self._encoded("machines", missed or [], reader.full, version)
            reader.begun = True
            self._give(reader, made[key])

    def _changed(self) -> list[str]:
        """The machines to speak of now, the latest first."""
        missed, self._seen = self._changes.since(self._seen), self._changes.version
        now = self._clock()
        moving = set(self._progress.now())
        turned = [mac for mac, at in self._turns.items() if at <= now]
        if missed is None:
            missed = self._attempts.machines()[:SNAPSHOT]
        for mac in (*turned, *reversed(missed)):
            self._turns.pop(mac, None)
            self._pending.pop(mac, None)
            self._pending[mac] = None
        while len(self._pending) > MACHINES:
            del self._pending[next(iter(self._pending))]
        macs = list(dict.fromkeys((*moving, *self._moving)))[:AT_ONCE]
        self._moving = moving
        while self._pending and len(macs) < AT_ONCE:
            mac = self._pending.popitem()[0]
            if mac not in macs:
                macs.append(mac)
        if not self._pending:
            self._settled = self._seen
        return macs

    def _count(self) -> None:
        now = self._clock()
        if now - self._counted >= TALLY_SECONDS or not self._states:
            self._counted = now
            self._states = self._attempts.tally(PATIENCE, self._moving)

    def _encoded(self, event: str, macs: Sequence[str], full: bool, version: int | None = None) -> bytes:
        now = self._clock()
        found = sorted(self._summaries(macs, full), key=lambda one: -one.heard)
        for one in found:
            if (at := _turn_of(one, now)) is not None:
                self._turns[one.mac] = at
        news = LiveNews(at=now, machines=found, known=len(self._attempts), states=self._states)
        identifier = f"{self._run_id}-{self._settled if version is None else version}"
        return f"id: {identifier}\nevent: {event}\ndata: {news.model_dump_json()}\n\n".encode()

    def _give(self, reader: _Reader, data: bytes) -> None:
        if reader.dropped:
            return
        try:
            reader.queue.put_nowait(data)
        except Full:
            self._drop(reader)

    def _drop(self, reader: _Reader) -> None:
        """End a stream. Its own greenlet may be waiting for a client that does not read: it finds the socket shut."""
        reader.dropped = True
        with suppress(Full):
            reader.queue.put_nowait(None)
        if reader.queue.full() and reader.connection is not None:
            with suppress(OSError), socket.socket(fileno=os.dup(reader.connection)) as connection:
                connection.shutdown(socket.SHUT_RDWR)


def _is_gone(reader: _Reader) -> bool:
    """Whether the client has closed its end."""
    if reader.connection is None:
        return False
    try:
        with socket.socket(fileno=os.dup(reader.connection)) as connection:
            connection.setblocking(False)
            return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _turn_of(machine: MachineSummary, now: float) -> float | None:
    """When to speak of a machine again though it stays silent: when its state turns, and then, since its note may say
    for how long it has been silent, whenever that has grown by half.
    """
    patience, silent = _PATIENCE.get(machine.state), now - machine.heard
    if patience is None or silent > _LONG_SILENT:
        return None
    return max(machine.heard + patience + 1, now + silent / 2)

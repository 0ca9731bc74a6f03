"""The transfers under way: moves datagrams between sockets and :class:`pixiecore_core.boot.transfer.Transfer`.

Those whose client has acknowledged nothing yet, and may be a forged address, are apart from the others: few, and an old
one gives way. Knows no files and admits no client; that is :mod:`pixiecore_core.net.tftp`. Runs in the event loop's
callbacks, so nothing here waits.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import randrange
from time import monotonic

import gevent

from pixiecore_core.boot.transfer import Outcome, Transfer
from pixiecore_core.net.tftp_notes import Notes
from pixiecore_core.net.tftp_reading import ReadAhead, TftpFile
from pixiecore_core.net.tftp_socket import Address, TransferSocket, Way

UNANSWERED = 512
"""Transfers that have not been answered: what a room asks for within one round trip."""
UNANSWERED_OF_ONE = 64
"""Of them, for one address; half a rack behind one NAT."""
STALLED_SECONDS = 3.0
"""A transfer without progress for so long gives way when every place is taken, and so does a slow one."""
SLOW, SLOW_SECONDS = 2000.0, 10.0
"""Bytes a second, from its request on, and how long it may take to come up to that: firmware a continent away gets ten
times as many in lock-step."""
_LONGEST = 600
"""Bytes. Clients send acknowledgements (4 bytes) and short errors; the rest of anything longer is cut off."""
BUSY = "the server is busy, try again"
SUPERSEDED = "the client has sent another request from the same port"


@dataclass(frozen=True, slots=True)
class TransferReport:
    """How a request ended."""

    client: Address
    local_address: str
    name: str
    """Normalised; empty if the request could not be read."""
    outcome: Outcome
    reason: str = ""
    """Why, unless the file was sent."""
    size: int = 0
    """Of the file, in bytes."""
    sent: int = 0
    """Bytes of it that the client acknowledged."""
    seconds: float = 0.0
    """From the request to the end."""
    blksize: int = 0
    windowsize: int = 0


@dataclass(slots=True, eq=False)
class Session:
    """A client's request and the transfer that came of it."""

    client: Address
    local_address: str
    name: str
    request: bytes
    began: float
    """Seconds, monotonic."""
    way: Way
    """To the client: that of the transfer's own socket, once it has one."""
    notes: Notes
    socket: TransferSocket | None = None
    """``None`` where the port of the requests serves."""
    file: TftpFile | None = None
    transfer: Transfer | None = None
    reader: ReadAhead | None = None
    send_error: str = ""
    superseded: bool = False
    """The client has asked for something else while the file was being opened."""

    def send(self, datagrams: list[bytes]) -> None:
        """Send to the client; what the kernel refuses is left to the retransmission timer.

        :raises ConnectionRefusedError: an ICMP error says that nobody listens there
        """
        self.send_error = ""
        try:
            if datagrams:
                self.notes.sent(datagrams)
                self.way.send(datagrams)
        except ConnectionRefusedError:
            raise
        except OSError as mistake:
            self.send_error = mistake.strerror or str(mistake)

    def report(self, outcome: Outcome, reason: str) -> TransferReport:
        """How it ended."""
        transfer, agreement = self.transfer, self.transfer.agreement if self.transfer else None
        if self.send_error and outcome is not Outcome.SENT:
            reason += f"; sending failed: {self.send_error}"
        return TransferReport(
            self.client,
            self.local_address,
            self.name,
            outcome,
            reason,
            size=self.file.size if self.file else 0,
            sent=transfer.bytes_acknowledged if transfer else 0,
            seconds=monotonic() - self.began,
            blksize=agreement.blksize if agreement else 0,
            windowsize=agreement.windowsize if agreement else 0,
        )


@dataclass(slots=True, eq=False)
class Transfers:
    """The transfers under way.

    :param most: at once, of those whose client has answered
    :param share_of: how many of them one address may have
    :param most_unanswered: at once, of those whose client has not answered
    :param on_end: called in the event loop when a transfer has ended; must not wait
    """

    most: int
    share_of: Callable[[str], int]
    most_unanswered: int
    on_end: Callable[[Session], None]
    unanswered: dict[Address, Session] = field(default_factory=dict)
    """Those whose client has acknowledged nothing, the oldest first."""
    running: dict[Address, Session] = field(default_factory=dict)
    """The others. A client may be among both: only its answer shows that it, and not a stranger in its name, has asked
    for another file."""
    _unanswered_of: Counter[str] = field(default_factory=Counter)
    _running_of: Counter[str] = field(default_factory=Counter)

    @property
    def sessions(self) -> list[Session]:
        """All of them."""
        return [*self.unanswered.values(), *self.running.values()]

    def latest(self, client: Address) -> Session | None:
        """What a client asked for last."""
        return self.unanswered.get(client) or self.running.get(client)

    def has_room(self, client: Address, now: float) -> bool:
        """Whether one more client may be served; a transfer that has stalled gives way to it."""
        if self._running_of[client[0]] >= self.share_of(client[0]):
            return self._displace_stalled(client[0], now)
        return self._running_of.total() < self.most or self._displace_stalled(None, now)

    def begin(self, session: Session) -> None:
        """Send the first datagrams of *session*, whose transfer is set."""
        assert session.transfer is not None
        host = session.client[0]
        if self._unanswered_of[host] >= UNANSWERED_OF_ONE:
            self._displace(_one_of_the_older([one for one in self.unanswered.values() if one.client[0] == host]))
        elif len(self.unanswered) >= self.most_unanswered:
            self._displace(_one_of_the_older(list(self.unanswered.values())))
        self.unanswered[session.client] = session
        self._unanswered_of[host] += 1
        if session.socket is not None:
            session.socket.start(self._hear_first, session)
        self._follow(session, session.transfer.start(monotonic()))

    def take(self, session: Session, data: bytes, now: float) -> None:
        """Hand a datagram to its transfer and send the answer."""
        assert session.transfer is not None
        try:
            datagrams = session.transfer.receive(data, now)
            session.notes.received(data, session.transfer.outcome is not None)
            if session.transfer.answered and self.unanswered.get(session.client) is session:
                if self.has_room(session.client, now):
                    self._promote(session)
                else:
                    datagrams = session.transfer.fail(BUSY)
            self._follow(session, datagrams)
        except Exception:
            self._give_up(session)

    def expire(self, now: float) -> None:
        """Call the timers that are due."""
        # All are looked at, some tens of microseconds for a thousand: cheaper than to order them at each datagram.
        for session in self.sessions:
            transfer = session.transfer
            if transfer is not None and transfer.deadline is not None and transfer.deadline <= now:
                try:
                    self._follow(session, transfer.expire(now))
                except Exception:
                    self._give_up(session)

    def repeat(self, session: Session) -> None:
        """The client's request came again: our answer was lost."""
        if session.transfer is not None:
            self._follow(session, session.transfer.repeat(monotonic()))

    def resume(self, session: Session) -> None:
        """Bytes that a transfer missed have arrived."""
        if session.transfer is not None:
            self._follow(session, session.transfer.resume(monotonic()))

    def fail(self, session: Session, reason: str) -> None:
        """End a transfer from our side."""
        if session.transfer is not None:
            self._follow(session, session.transfer.fail(reason))

    def abandon(self, session: Session, reason: str, outcome: Outcome = Outcome.ABORTED) -> None:
        """End a transfer silently, since its client is talking about another by now, or is not there."""
        if session.transfer is not None:
            session.transfer.abandon(reason, outcome)
            self._follow(session, [])

    def _hear_first(self, session: Session) -> None:
        """Read a datagram of a client that has not answered yet."""
        assert session.socket is not None
        try:
            data = session.socket.receive(_LONGEST)
        except BlockingIOError:
            return
        except OSError as mistake:
            self._unreachable(session, mistake)
            return
        self.take(session, data, monotonic())

    def _hear(self, session: Session) -> None:
        """Read a datagram of a client and answer it: once for each block of each client, so written out here."""
        socket = session.socket
        try:
            data = socket.receive(_LONGEST)  # type: ignore[union-attr]
            datagrams = session.transfer.receive(data, monotonic())  # type: ignore[union-attr]
            if len(datagrams) == 1 and len(datagrams[0]) == session.notes.full:
                socket.send_one(datagrams[0])  # type: ignore[union-attr]
            else:
                if not datagrams:
                    session.notes.received(data, session.transfer.outcome is not None)  # type: ignore[union-attr]
                self._follow(session, datagrams)
        except BlockingIOError:
            return  # its timer sends it again
        except ConnectionRefusedError as mistake:
            self._unreachable(session, mistake)
        except OSError as mistake:
            session.send_error = str(mistake)
        except Exception:
            self._give_up(session)

    def _promote(self, session: Session) -> None:
        """The client is there: it is one of those that are being sent a file."""
        self._forget_unanswered(session)
        earlier = self.running.get(session.client)
        if earlier is not None:
            self.abandon(earlier, SUPERSEDED)
        self.running[session.client] = session
        self._running_of[session.client[0]] += 1
        if session.socket is not None:
            session.socket.start(self._hear, session)

    def _displace_stalled(self, host: str | None, now: float) -> bool:
        """End the transfer, of *host* or of all, that goes slowest, if any stands still or goes slowly."""
        stalled = [
            session for session in self.running.values() if host in (None, session.client[0]) and _is_slow(session, now)
        ]
        if not stalled:
            return False
        self._displace(min(stalled, key=lambda session: _speed(session, now)))
        return True

    def _displace(self, session: Session) -> None:
        self.abandon(session, "its place was needed for others", Outcome.DISPLACED)

    def _unreachable(self, session: Session, mistake: OSError) -> None:
        """End a transfer to a client that is gone, unless it said before that it has everything: the kernel tells of an
        error before it hands out what had arrived.
        """
        transfer, socket = session.transfer, session.socket
        assert transfer is not None
        assert socket is not None
        with suppress(OSError):
            while transfer.outcome is None:
                transfer.receive(socket.receive(_LONGEST), monotonic())
        transfer.abandon(f"the client does not listen ({mistake.strerror or mistake})")
        self._forget(session)

    def _follow(self, session: Session, datagrams: list[bytes]) -> None:
        try:
            session.send(datagrams)
        except ConnectionRefusedError as mistake:
            self._unreachable(session, mistake)
        if session.transfer is not None and session.transfer.outcome is not None:
            self._forget(session)

    def _forget(self, session: Session) -> None:
        if self.unanswered.get(session.client) is session:
            self._forget_unanswered(session)
        elif self.running.get(session.client) is session:
            del self.running[session.client]
            subtract(self._running_of, session.client[0])
        else:
            return
        if session.socket is not None:
            session.socket.close()
        self.on_end(session)

    def _forget_unanswered(self, session: Session) -> None:
        del self.unanswered[session.client]
        subtract(self._unanswered_of, session.client[0])

    def _give_up(self, session: Session) -> None:
        """A fault of ours must end one transfer, not the socket's callback or the other transfers."""
        gevent.get_hub().handle_error(session, *sys.exc_info())
        self.fail(session, "internal error")


def _one_of_the_older(sessions: list[Session]) -> Session:
    """One of the older half, by chance: were it always the oldest, a flood would let nobody through whose round trip is
    longer than the flood takes to come once around.
    """
    return sessions[randrange((len(sessions) + 1) // 2)]


def _is_slow(session: Session, now: float) -> bool:
    transfer = session.transfer
    if transfer is None or transfer.starved:
        return False  # it waits for us
    if now - transfer.progress_at > STALLED_SECONDS:
        return True
    return now - session.began > SLOW_SECONDS and _speed(session, now) < SLOW


def _speed(session: Session, now: float) -> float:
    sent = session.transfer.bytes_acknowledged if session.transfer is not None else 0
    return sent / max(now - session.began, 0.001)


def subtract(counts: Counter[str], host: str) -> None:
    """Count one less of *host*, and forget it at nought."""
    counts[host] -= 1
    if not counts[host]:
        del counts[host]

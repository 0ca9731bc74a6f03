"""The transfer sockets: a few ports shared by many transfers, which are told apart by the client's address and port.

Moves datagrams between sockets and :class:`pixiecore_core.boot.transfer.Transfer`, and calls its timers. Knows no files
and admits no client; that is :mod:`pixiecore_core.net.tftp`. Runs in the event loop's callbacks, so nothing here waits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

import gevent

from pixiecore_core.boot.transfer import Outcome, Transfer
from pixiecore_core.net.tftp_reading import ReadAhead, TftpFile
from pixiecore_core.net.tftp_socket import Address, Control, TftpSocket
from pixiecore_core.wire.tftp import ErrorCode, Opcode, error

_DATAGRAMS_PER_TURN = 64
"""Read at most so many from a socket before the other ports get their turn: about half a millisecond's work."""
_LONGEST = 600
"""Bytes. Clients send acknowledgements (4 bytes) and short errors; the rest of anything longer is cut off."""
_LINGER = 10.0  # seconds for which a finished client's late datagrams are passed over
_MOST_LINGERING = 4096
_STRAYS_ANSWERED = 50  # a second: an answer to a forged source address must not become a flood
_WRONG_PORT = error(ErrorCode.UNKNOWN_TRANSFER_ID, "no transfer belongs to your address and port")


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
    socket: TftpSocket
    control: Control | None = None
    file: TftpFile | None = None
    transfer: Transfer | None = None
    reader: ReadAhead | None = None
    segment: bool = True
    """Whether windows go out through UDP_SEGMENT."""
    send_error: str = ""
    superseded: bool = False
    """The client has asked for something else while the file was being opened."""

    def send(self, datagrams: list[bytes]) -> None:
        """Send to the client; what the kernel refuses is left to the retransmission timer."""
        self.send_error = ""
        try:
            if len(datagrams) == 1:
                self.socket.send(datagrams[0], self.client, self.control)
            elif datagrams:
                self.segment = self.socket.send_window(datagrams, self.client, self.control, self.segment)
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

    :param on_end: called in the event loop when a transfer has ended; must not wait
    """

    on_end: Callable[[Session], None]
    by_client: dict[Address, Session] = field(default_factory=dict)
    strays: int = 0
    """Datagrams on a transfer port that belonged to no transfer."""
    _lingering: dict[Address, float] = field(default_factory=dict)
    _strays_left: int = _STRAYS_ANSWERED
    _strays_renewed: float = 0.0

    def begin(self, session: Session) -> None:
        """Send the first datagrams of *session*, whose transfer is set."""
        assert session.transfer is not None
        self._lingering.pop(session.client, None)
        self.by_client[session.client] = session
        self._follow(session, session.transfer.start(monotonic()))

    def drain(self, socket: TftpSocket) -> None:
        """Take what waits on a transfer socket, up to a bound."""
        now = monotonic()
        receive, send, by_client = socket.receive, socket.send_to, self.by_client
        for _ in range(_DATAGRAMS_PER_TURN):
            try:
                data, client = receive(_LONGEST)
            except BlockingIOError:
                return
            except OSError:
                continue  # an earlier datagram's ICMP error; its transfer has a timer
            session = by_client.get(client)
            if session is None or session.socket is not socket:
                self.stray(data, client, socket, None, now)
                continue
            # Once for each block of each client, so written out where it is called.
            try:
                datagrams = session.transfer.receive(data, now)  # type: ignore[union-attr]
                if len(datagrams) == 1:
                    send(datagrams[0], client)
                else:
                    self._follow(session, datagrams)
            except OSError as mistake:
                session.send_error = str(mistake)
            except Exception:
                self._give_up(session)

    def take(self, session: Session, data: bytes, now: float) -> None:
        """Hand a datagram from the main port to its transfer and send the answer."""
        assert session.transfer is not None
        try:
            self._follow(session, session.transfer.receive(data, now))
        except Exception:
            self._give_up(session)

    def stray(self, data: bytes, client: Address, socket: TftpSocket, control: Control | None, now: float) -> None:
        """Answer a datagram that belongs to no transfer, without disturbing any (RFC 1350 section 4)."""
        self.strays += 1
        if now - self._strays_renewed >= 1.0:
            self._strays_renewed, self._strays_left = now, _STRAYS_ANSWERED
        # An ERROR is never answered by one. A client that has finished may repeat its last acknowledgement.
        harmless = data[:2] not in (b"\0\3", b"\0\4") or self._lingering.get(client, 0.0) > now
        if harmless or self._strays_left == 0:
            return
        self._strays_left -= 1
        try:
            socket.send(_WRONG_PORT, client, control)
        except OSError:
            return  # nothing waits for it

    def expire(self, now: float) -> None:
        """Call the timers that are due."""
        # All are looked at, some tens of microseconds for a thousand: cheaper than to order them at each datagram.
        for session in list(self.by_client.values()):
            transfer = session.transfer
            if transfer is not None and transfer.deadline is not None and transfer.deadline <= now:
                try:
                    self._follow(session, transfer.expire(now))
                except Exception:
                    self._give_up(session)
        while self._lingering and (
            len(self._lingering) > _MOST_LINGERING or next(iter(self._lingering.values())) <= now
        ):
            del self._lingering[next(iter(self._lingering))]

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

    def abandon(self, session: Session, reason: str) -> None:
        """End a transfer silently, since its client is talking about another by now."""
        if session.transfer is not None:
            session.transfer.abandon(reason)
            self._follow(session, [])

    def _follow(self, session: Session, datagrams: list[bytes]) -> None:
        session.send(datagrams)
        if session.transfer is not None and session.transfer.outcome is not None:
            self._forget(session)

    def _forget(self, session: Session) -> None:
        if self.by_client.get(session.client) is session:
            del self.by_client[session.client]
            self._lingering.pop(session.client, None)  # so that the order stays the order of expiry
            self._lingering[session.client] = monotonic() + _LINGER
            self.on_end(session)

    def _give_up(self, session: Session) -> None:
        """A fault of ours must end one transfer, not the socket's callback or the other transfers."""
        gevent.get_hub().handle_error(session, *sys.exc_info())
        if session.transfer is not None:
            session.send(session.transfer.fail("internal error"))
        self._forget(session)


def is_request(data: bytes) -> bool:
    """Whether a datagram begins like a read or write request."""
    return data[:2] in (Opcode.RRQ.to_bytes(2, "big"), Opcode.WRQ.to_bytes(2, "big"))

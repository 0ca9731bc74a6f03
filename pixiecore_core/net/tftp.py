"""The TFTP server: admits requests, opens their files, hands them to the transfer sockets and reports how they ended.

Each file is opened in a greenlet of its own, since that may take seconds. The protocol is
:mod:`pixiecore_core.boot.transfer`; what a name means is for the ``open_file`` that is passed in.
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

import gevent
from gevent.event import Event
from gevent.pool import Pool

from pixiecore_core.boot.tftp_negotiation import Limits, negotiate, refusal
from pixiecore_core.boot.transfer import Outcome, Transfer
from pixiecore_core.errors import BootFileError, BootFileNotFound, WireError
from pixiecore_core.net.tftp_notes import Notes, OnDatagram
from pixiecore_core.net.tftp_reading import ReadAhead, TftpFile
from pixiecore_core.net.tftp_socket import Address, RequestSocket, TransferSocket
from pixiecore_core.net.tftp_transfers import BUSY, SUPERSEDED, UNANSWERED, Session, TransferReport, Transfers, subtract
from pixiecore_core.wire.tftp import (
    LONGEST_REQUEST,
    ErrorCode,
    Opcode,
    Options,
    ReadRequest,
    WriteRequest,
    error,
    normalise_name,
    parse,
)

__all__ = ["OpenFile", "TftpFile", "TftpServer", "TransferReport"]

OpenFile = Callable[[str, Address, str], TftpFile]
"""``open_file(name, client, local_address)``: the file that a normalised *name* means to *client*. Called in a greenlet
of its own. Raises ``BootFileNotFound`` (ERROR 1) or ``BootFileError`` (ERROR 0 with its message)."""

_REQUESTS_PER_TURN = 16
_TICK = 0.05  # seconds between looks at the timers, which are 0.1 and more
_STRAY_REPEAT = 1.0  # seconds for which the copy of a request whose transfer is going on cannot be a new attempt
_REPORTS_AT_ONCE = 256  # of refusals, which cost a stranger one datagram each
_STRAYS_ANSWERED = 50  # a second: an answer to a forged source address must not become a flood
_WRONG_PORT = error(ErrorCode.UNKNOWN_TRANSFER_ID, "no transfer belongs to your address and port")
_REQUESTS = tuple(opcode.to_bytes(2, "big") for opcode in (Opcode.RRQ, Opcode.WRQ))
_STRAYS = tuple(opcode.to_bytes(2, "big") for opcode in (Opcode.DATA, Opcode.ACK))
_HEAD_BYTES = 4  # of a block
_STOPPING = "the server is stopping"


class TftpServer:
    """Serves files over TFTP, read-only.

    :param address: IPv4 address to listen on; ``0.0.0.0`` for all, and each client is answered from the one it asked
    :param port: 0 for a free one
    :param open_file: finds and opens files
    :param on_report: told how each request ended, in a greenlet
    :param on_drop: told of what is not served, as a word: ``malformed`` (not TFTP, or not on this port), ``busy``,
        ``displaced``, a transfer whose client was silent and that gave way to others, or ``unreported``, a refusal that
        comes with too many others to be reported
    :param max_transfers: at once, to clients that answer; more are refused with an ERROR
    :param share_of: how many of them one address may have, so that no host takes all
    :param limits: the largest blocks and windows that are granted
    :param single_port: send from the listening port, which is not what RFC 1350 says, but passes firewalls and NAT;
        whoever forges a client's address can then also forge its acknowledgements
    :param on_datagram: told of the requests, and of those datagrams of a transfer that tell how it went
    """

    def __init__(
        self,
        address: str,
        port: int,
        *,
        open_file: OpenFile,
        on_report: Callable[[TransferReport], None] | None = None,
        on_drop: Callable[[str], None] = lambda reason: None,
        max_transfers: int = 1024,
        share_of: Callable[[str], int] = lambda address: 64,
        limits: Limits | None = None,
        single_port: bool = False,
        on_datagram: OnDatagram = lambda sent, ours, theirs, data: None,
    ) -> None:
        self._address = address
        self._port = port
        self._open_file = open_file
        self._on_report = on_report
        self._on_drop = on_drop
        self._max_transfers = max_transfers
        self._share_of = share_of
        self._limits = limits or Limits()
        self._single_port = single_port
        self._on_datagram = on_datagram
        self._main: RequestSocket | None = None
        self._transfers = Transfers(max_transfers, share_of, _most_unanswered(), self._ended)
        self._opening: dict[Address, Session] = {}
        self._opening_of: Counter[str] = Counter()
        self._sessions = 0
        self._strays_left = _STRAYS_ANSWERED
        self._strays_renewed = 0.0
        self._greenlets = Pool()
        self._reports = Pool(_REPORTS_AT_ONCE)
        self._ticker: gevent.Greenlet[[], None] | None = None
        self._active = Event()

    @property
    def port(self) -> int:
        """The port in use, once bound."""
        return self._main.port if self._main else self._port

    @property
    def transfers(self) -> int:
        """How many requests are under way: files being opened, sent or closed."""
        return self._sessions

    def bind(self, bound: RequestSocket | None = None) -> None:
        """Take the port.

        :param bound: a socket that has it already
        :raises OSError: it cannot be used
        """
        if self._main is None:
            self._main = bound or RequestSocket(self._address, self._port)

    def start(self) -> None:
        """Begin to serve.

        :raises OSError: not bound before, and the port cannot be used
        """
        self.bind()
        assert self._main is not None
        self._main.start(self._on_readable)
        self._ticker = gevent.spawn(self._tick)

    def sessions(self) -> list[Session]:
        """The transfers under way."""
        return self._transfers.sessions

    def stop(self, timeout: float) -> None:
        """Tell the clients, close the files and free the ports.

        :param timeout: seconds that a file being opened or closed is waited for
        """
        for session in self._transfers.sessions:
            self._transfers.fail(session, _STOPPING)
        if self._main is not None:
            self._main.close()
        self._main = None
        if self._ticker is not None:
            self._ticker.kill()
        self._greenlets.join(timeout)
        self._greenlets.kill(timeout=timeout)
        self._reports.kill(timeout=timeout)

    def _tick(self) -> None:
        while True:
            self._active.wait()
            gevent.sleep(_TICK)
            self._transfers.expire(monotonic())
            if not self._transfers.sessions:
                self._active.clear()

    def _on_readable(self) -> None:
        assert self._main is not None
        now = monotonic()
        for _ in range(_REQUESTS_PER_TURN):
            try:
                data, client, local_address = self._main.receive(LONGEST_REQUEST + 1)
            except BlockingIOError:
                return
            except OSError:
                continue
            # RFC 1123 section 4.2.3.4: a request sent to a broadcast address is passed over in silence.
            if local_address is None:
                continue
            if data.startswith(_REQUESTS):
                self._admit(data, client, local_address, now)
            elif self._single_port and (session := self._transfers.latest(client)) is not None:
                self._transfers.take(session, data, now)
            else:
                self._on_drop("malformed")
                self._answer_stray(data, client, local_address, now)

    def _answer_stray(self, data: bytes, client: Address, local_address: str, now: float) -> None:
        """Answer a datagram that belongs to no transfer, without disturbing any (RFC 1350 section 4)."""
        if now - self._strays_renewed >= 1.0:
            self._strays_renewed, self._strays_left = now, _STRAYS_ANSWERED
        # An ERROR is never answered by one. On a single port, a client that has finished may say so twice.
        if self._single_port or not data.startswith(_STRAYS) or not self._strays_left:
            return
        self._strays_left -= 1
        assert self._main is not None
        with suppress(OSError):  # nothing waits for it
            self._main.way_to(client, local_address).send([_WRONG_PORT])

    def _admit(self, data: bytes, client: Address, local_address: str, now: float) -> None:
        """Refuse a request, or have its file opened."""
        assert self._main is not None
        ours = (local_address, self._main.port)
        self._on_datagram(False, ours, client, data)
        notes = Notes(self._on_datagram, ours, client)
        session = Session(client, local_address, "", data, now, self._main.way_to(client, local_address), notes)
        try:
            request = parse(data)
            assert isinstance(request, ReadRequest | WriteRequest)
            refused = refusal(request)
        except WireError as mistake:
            self._on_drop("malformed")
            self._refuse(session, ErrorCode.ILLEGAL_OPERATION, str(mistake))
            return
        if refused is not None:
            self._refuse(session, ErrorCode(refused.code), refused.message)
            return
        session.name = normalise_name(request.name)
        if self._is_repeated(session, now):
            return
        opening = len(self._opening) >= self._max_transfers or self._opening_of[client[0]] >= self._share_of(client[0])
        if opening or not self._transfers.has_room(client, now):
            self._on_drop("busy")
            self._refuse(session, ErrorCode.NOT_DEFINED, BUSY)
            return
        self._sessions += 1
        self._opening[client] = session
        self._opening_of[client[0]] += 1
        self._greenlets.spawn(self._open, session, request.options)

    def _is_repeated(self, session: Session, now: float) -> bool:
        """Whether a request only came twice. Where it did not, what its client had going on is over."""
        opening = self._opening.get(session.client)
        if opening is not None:
            opening.superseded = opening.request != session.request
            return not opening.superseded
        latest = self._transfers.latest(session.client)
        if latest is None or latest.transfer is None:
            return False
        if latest.request == session.request:
            if not latest.transfer.answered:
                self._transfers.repeat(latest)
                return True
            if now - latest.transfer.progress_at < _STRAY_REPEAT:
                return True
        if self._single_port or not latest.transfer.answered:
            # Firmware that asks from a fixed port has begun anew, and its ERROR for the transfer before was lost.
            self._transfers.abandon(latest, SUPERSEDED)
        return False

    def _open(self, session: Session, options: Options) -> None:
        """Open the file and begin to send it. Runs in a greenlet of the session's own."""
        reason = _STOPPING
        try:
            transfer = self._prepare(session, options)
            if not session.superseded and self._main is not None:
                if not self._single_port:
                    session.way = session.socket = _own_socket(session)
                    session.notes = Notes(self._on_datagram, session.socket.address, session.client)
                session.notes.full = transfer.agreement.blksize + _HEAD_BYTES
                session.transfer = transfer
                self._transfers.begin(session)
                self._active.set()
            else:
                reason = SUPERSEDED if session.superseded else _STOPPING
        except Exception as mistake:
            code, reason = _explain(mistake)
            if not session.superseded:
                session.send([error(code, reason)])
            if not isinstance(mistake, BootFileError):
                raise
        finally:
            subtract(self._opening_of, session.client[0])
            if self._opening.get(session.client) is session:
                del self._opening[session.client]
            if session.transfer is None:
                self._finish(session, Outcome.REFUSED, reason)

    def _prepare(self, session: Session, options: Options) -> Transfer:
        file = session.file = self._open_file(session.name, session.client, session.local_address)
        agreement = negotiate(options, file.size, self._limits.within(file.most_blksize, file.most_windowsize))
        reader = session.reader = ReadAhead(
            file,
            agreement.blksize,
            agreement.blksize * agreement.windowsize,
            on_arrival=lambda: self._transfers.resume(session),
            on_failure=lambda reason: self._transfers.fail(session, reason),
        )
        if not agreement.accepted:
            reader.read_first_block()
        return Transfer(file.size, reader.read_at, agreement, monotonic())

    def _ended(self, session: Session) -> None:
        assert session.transfer is not None
        assert session.transfer.outcome is not None
        if session.transfer.outcome is Outcome.DISPLACED:
            self._on_drop("displaced")
        self._greenlets.spawn(self._finish, session, session.transfer.outcome, session.transfer.reason)

    def _finish(self, session: Session, outcome: Outcome, reason: str) -> None:
        """Close the file, give the place free, and report."""
        try:
            if session.reader is not None:
                session.reader.close()
            elif session.file is not None:
                session.file.close()
        finally:
            self._sessions -= 1
            # Of those that were displaced there may be thousands a second, and none ever said a word.
            if self._on_report is not None and outcome is not Outcome.DISPLACED:
                self._on_report(session.report(outcome, reason))

    def _refuse(self, session: Session, code: ErrorCode, reason: str) -> None:
        """Answer a request that gets no place, and report it."""
        session.send([error(code, reason)])
        if self._on_report is None:
            return
        if self._reports.free_count():
            self._reports.spawn(self._on_report, session.report(Outcome.REFUSED, reason))
        else:
            self._on_drop("unreported")


def _most_unanswered() -> int:
    """Each has a socket and a file: where there are few descriptors, the other clients need most of them."""
    return max(16, min(UNANSWERED, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 16))


def _own_socket(session: Session) -> TransferSocket:
    try:
        return TransferSocket(session.client, session.local_address)
    except OSError as mistake:
        raise BootFileError(f"no port for the transfer: {mistake.strerror}") from mistake


def _explain(mistake: Exception) -> tuple[ErrorCode, str]:
    match mistake:
        case BootFileNotFound():
            return ErrorCode.FILE_NOT_FOUND, str(mistake)
        case BootFileError():
            return ErrorCode.NOT_DEFINED, str(mistake)
    return ErrorCode.NOT_DEFINED, "internal error"

"""The TFTP server: admits requests, opens their files, hands them to the transfer sockets and reports how they ended.

Each file is opened in a greenlet of its own, since that may take seconds. The protocol is
:mod:`pixiecore_core.boot.transfer`; what a name means is for the ``open_file`` that is passed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import count
from time import monotonic

import gevent
from gevent.event import Event
from gevent.pool import Pool

from pixiecore_core.boot.tftp_negotiation import Limits, negotiate, refusal
from pixiecore_core.boot.transfer import Outcome, Transfer
from pixiecore_core.errors import BootFileError, BootFileNotFound, WireError
from pixiecore_core.net.tftp_reading import ReadAhead, TftpFile
from pixiecore_core.net.tftp_socket import Address, Control, TftpSocket, source_address
from pixiecore_core.net.tftp_transfers import Session, TransferReport, Transfers, is_request
from pixiecore_core.wire.tftp import (
    LONGEST_REQUEST,
    ErrorCode,
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

_PORTS_PER_ADDRESS = 4
"""Transfer sockets. Several, so that a client that keeps its port gets another of ours the next time, where the last
transfer's late datagrams do not reach (RFC 1350 section 4)."""
_MOST_ADDRESSES = 32  # of our own that get transfer sockets; beyond, the main port serves
_REQUESTS_PER_TURN = 16
_TICK = 0.05  # seconds between looks at the timers, which are 0.1 and more
_STRAY_REPEAT = 1.0  # seconds for which the copy of a request whose transfer is going on cannot be a new attempt
_REPORTS_AT_ONCE = 256  # of refusals, which cost a stranger one datagram each
_SUPERSEDED = "the client has sent another request from the same port"
_STOPPING = "the server is stopping"


class TftpServer:
    """Serves files over TFTP, read-only.

    :param address: IPv4 address to listen on; ``0.0.0.0`` for all, and each client is answered from the one it asked
    :param port: 0 for a free one
    :param open_file: finds and opens files
    :param on_report: told how each request ended, in a greenlet
    :param on_drop: told of what is not served, as a word: ``malformed`` (not TFTP, or not on this port), ``busy``, or
        ``unreported``, a refusal that comes with too many others to be reported
    :param max_transfers: at once; more are refused with an ERROR
    :param max_transfers_per_client: at once to one address, so that one host cannot take all
    :param limits: the largest blocks and windows that are granted
    :param single_port: send from the listening port, which is not what RFC 1350 says, but passes firewalls and NAT
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
        max_transfers_per_client: int = 512,
        limits: Limits | None = None,
        single_port: bool = False,
    ) -> None:
        self._address = address
        self._port = port
        self._open_file = open_file
        self._on_report = on_report
        self._on_drop = on_drop
        self._max_transfers = max_transfers
        self._max_transfers_per_client = max_transfers_per_client
        self._limits = limits or Limits()
        self._single_port = single_port
        self._main: TftpSocket | None = None
        self._ports: dict[str, list[TftpSocket]] = {}
        self._transfers = Transfers(self._ended)
        self._opening: dict[Address, Session] = {}
        self._held: Counter[str] = Counter()
        self._greenlets = Pool()
        self._reports = Pool(_REPORTS_AT_ONCE)
        self._ticker: gevent.Greenlet[[], None] | None = None
        self._active = Event()
        self._turns = count()

    @property
    def port(self) -> int:
        """The port in use, once bound."""
        return self._main.port if self._main else self._port

    @property
    def transfers(self) -> int:
        """How many requests hold a place: files being opened, sent or closed."""
        return self._held.total()

    def bind(self) -> None:
        """Take the port.

        :raises OSError: it cannot be had
        """
        if self._main is None:
            self._main = TftpSocket(self._address, self._port, self._on_readable)

    def start(self) -> None:
        """Begin to serve.

        :raises OSError: not bound before, and the port cannot be had
        """
        self.bind()
        assert self._main is not None
        self._main.start()
        self._ticker = gevent.spawn(self._tick)

    def stop(self, timeout: float) -> None:
        """Tell the clients, close the files and free the ports.

        :param timeout: seconds that a file being opened or closed is waited for
        """
        for session in list(self._transfers.by_client.values()):
            self._transfers.fail(session, _STOPPING)
        for socket in (self._main, *(socket for ports in self._ports.values() for socket in ports)):
            if socket is not None:
                socket.close()
        self._main = None
        self._ports.clear()
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
            if not self._transfers.by_client:
                self._active.clear()

    def _on_readable(self, socket: TftpSocket) -> None:
        now = monotonic()
        for _ in range(_REQUESTS_PER_TURN):
            try:
                data, client, local_address = socket.receive_request(LONGEST_REQUEST + 1)
            except BlockingIOError:
                return
            except OSError:
                continue
            # RFC 1123 section 4.2.3.4: a request sent to a broadcast address is passed over in silence.
            if local_address is None:
                continue
            control = source_address(local_address) if self._address == "0.0.0.0" else None
            if is_request(data):
                self._admit(data, client, local_address, control, now)
            elif (session := self._transfers.by_client.get(client)) is not None and session.socket is socket:
                self._transfers.take(session, data, now)
            else:
                self._on_drop("malformed")
                self._transfers.stray(data, client, socket, control, now)

    def _admit(self, data: bytes, client: Address, local_address: str, control: Control | None, now: float) -> None:
        """Refuse a request, or have its file opened."""
        assert self._main is not None
        session = Session(client, local_address, "", data, now, self._main, control)
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
        if self._held.total() >= self._max_transfers or self._held[client[0]] >= self._max_transfers_per_client:
            self._on_drop("busy")
            self._refuse(session, ErrorCode.NOT_DEFINED, "the server is busy, try again")
            return
        self._held[client[0]] += 1
        self._opening[client] = session
        self._greenlets.spawn(self._open, session, request.options)

    def _is_repeated(self, session: Session, now: float) -> bool:
        """Whether a request only came twice. Where it did not, what its client had going on is over."""
        opening = self._opening.get(session.client)
        if opening is not None:
            opening.superseded = opening.request != session.request
            return not opening.superseded
        running = self._transfers.by_client.get(session.client)
        if running is None or running.transfer is None:
            return False
        if running.request == session.request:
            if not running.transfer.answered:
                self._transfers.repeat(running)
                return True
            if now - running.transfer.progress_at < _STRAY_REPEAT:
                return True
        # Firmware that asks from a fixed port has begun anew, and its ERROR for the transfer before was lost.
        self._transfers.abandon(running, _SUPERSEDED)
        return False

    def _open(self, session: Session, options: Options) -> None:
        """Open the file and begin to send it. Runs in a greenlet of the session's own."""
        reason = _STOPPING
        try:
            transfer = self._prepare(session, options)
            if not session.superseded and self._main is not None:
                self._choose_port(session)
                session.transfer = transfer
                self._transfers.begin(session)
                self._active.set()
            else:
                reason = _SUPERSEDED if session.superseded else _STOPPING
        except Exception as mistake:
            code, reason = _explain(mistake)
            if not session.superseded:
                session.send([error(code, reason)])
            if not isinstance(mistake, BootFileError):
                raise
        finally:
            if self._opening.get(session.client) is session:
                del self._opening[session.client]
            if session.transfer is None:
                self._finish(session, Outcome.REFUSED, reason)

    def _prepare(self, session: Session, options: Options) -> Transfer:
        file = session.file = self._open_file(session.name, session.client, session.local_address)
        agreement = negotiate(options, file.size, self._limits)
        reader = session.reader = ReadAhead(
            file,
            agreement.blksize,
            agreement.blksize * agreement.windowsize,
            on_arrival=lambda: self._transfers.resume(session),
            on_failure=lambda reason: self._transfers.fail(session, reason),
        )
        reader.open()
        return Transfer(file.size, reader.read_at, agreement, monotonic())

    def _choose_port(self, session: Session) -> None:
        """Give the session a transfer socket on the address that its client asked; the main one where that must do."""
        address = session.local_address
        if self._single_port or (address not in self._ports and len(self._ports) >= _MOST_ADDRESSES):
            return
        try:
            ports = self._ports.setdefault(address, [])
            while len(ports) < _PORTS_PER_ADDRESS:
                socket = TftpSocket(address, 0, self._transfers.drain)
                socket.start()
                ports.append(socket)
        except OSError:
            if not ports:
                return
        session.socket, session.control = ports[next(self._turns) % len(ports)], None

    def _ended(self, session: Session) -> None:
        assert session.transfer is not None
        assert session.transfer.outcome is not None
        self._greenlets.spawn(self._finish, session, session.transfer.outcome, session.transfer.reason)

    def _finish(self, session: Session, outcome: Outcome, reason: str) -> None:
        """Close the file, give the place free, and report."""
        try:
            if session.reader is not None:
                session.reader.close()
            elif session.file is not None:
                session.file.close()
        finally:
            self._held[session.client[0]] -= 1
            if not self._held[session.client[0]]:
                del self._held[session.client[0]]
            if self._on_report is not None:
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


def _explain(mistake: Exception) -> tuple[ErrorCode, str]:
    match mistake:
        case BootFileNotFound():
            return ErrorCode.FILE_NOT_FOUND, str(mistake)
        case BootFileError():
            return ErrorCode.NOT_DEFINED, str(mistake)
    return ErrorCode.NOT_DEFINED, "internal error"

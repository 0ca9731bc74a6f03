"""Hosts the quiet router: reads what routers and askers say, and tells those who are due that there is no router.

Decides nothing: :mod:`pixiecore_core.engine.quiet_router` does.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import gevent
from gevent.event import Event

from pixiecore_core.engine.quiet_router import Due, QuietRouter
from pixiecore_core.errors import WireError
from pixiecore_core.net.interfaces import Interfaces
from pixiecore_core.net.router_socket import ALL_ROUTERS, RouterSocket, is_closed
from pixiecore_core.wire.icmp6 import QUIET_ADVERTISEMENT, SOLICITATION, parse

_JOIN_SECONDS = 5.0
"""Between two looks at which links there are."""
_MESSAGES_PER_TURN = 16


class QuietAdvertiser:
    """Serves until it is stopped.

    :param opened: the socket, which is the advertiser's to close
    :param on_sent: told of each machine, and of the name of the interface
    :param on_drop: told why a message was not used, in a word
    """

    def __init__(
        self,
        opened: RouterSocket,
        router: QuietRouter,
        interfaces: Interfaces,
        on_sent: Callable[[str, str], object],
        on_drop: Callable[[str], object],
    ) -> None:
        self._socket = opened
        self._router = router
        self._interfaces = interfaces
        self._on_sent = on_sent
        self._on_drop = on_drop
        self._somebody_waits = Event()
        self._greenlets: list[gevent.Greenlet[[], None]] = []

    def start(self) -> None:
        """Begin to serve."""
        self._socket.join(self._interfaces.indexes())
        self._greenlets = [gevent.spawn(work) for work in (self._listen, self._answer, self._follow_links)]

    def stop(self) -> None:
        """Stop serving."""
        gevent.killall(self._greenlets, block=False)
        self._socket.close()

    def _listen(self) -> None:
        while True:
            for _ in range(_MESSAGES_PER_TURN):
                try:
                    heard = self._socket.receive()
                except OSError as error:
                    if is_closed(error):
                        return
                    continue
                try:
                    ask = self._router.heard(parse(heard.data), heard.source, heard.interface, time.monotonic())
                except WireError:
                    self._on_drop("malformed")
                    continue
                if ask:
                    with contextlib.suppress(OSError):
                        self._socket.send(SOLICITATION, ALL_ROUTERS, heard.interface)
                if self._router.next_due() is not None:
                    self._somebody_waits.set()
            gevent.sleep(0)

    def _answer(self) -> None:
        while True:
            self._somebody_waits.wait()
            due_at = self._router.next_due()
            if due_at is None:
                self._somebody_waits.clear()
                continue
            gevent.sleep(max(0.0, due_at - time.monotonic()))
            for due in self._router.due(time.monotonic()):
                self._tell(due)

    def _tell(self, due: Due) -> None:
        served = self._interfaces.served(due.interface)
        if served is None:
            return
        try:
            self._socket.send(QUIET_ADVERTISEMENT, due.address, due.interface)
        except OSError:
            self._on_drop("no-host")
        else:
            self._on_sent(due.mac, served.name)

    def _follow_links(self) -> None:
        while True:
            gevent.sleep(_JOIN_SECONDS)
            self._socket.join(self._interfaces.indexes())

"""HTTP connections that obey a deadline for the whole call, and tell a stale kept-alive connection from a failing API.

The read timeout of requests starts anew with each byte: a server that drips would hold a call for hours. So the socket
is shut down when the time is over. Knows nothing about what is asked.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from http.client import RemoteDisconnected
from types import TracebackType
from typing import Any, Self

import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

AT_ONCE = 100
"""Connections that are kept alive; beyond that a call opens its own and closes it."""

_call = threading.local()


class StaleConnection(RemoteDisconnected):
    """The server closed a kept-alive connection in the meantime: not a byte came back."""


class Deadline:
    """A context in which a call is made; ends whatever connection it uses when its time is over.

    :param seconds: how long the call may take
    """

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _call.deadline = self
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            # From here on the connection may be another call's.
            self._socket = None
        _call.deadline = None

    def watch(self, connection: socket.socket) -> None:
        """The call now waits for what comes over *connection*."""
        with self._lock:
            self._socket = connection
            if self.expired:
                self._shut_down()

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            self._shut_down()

    def _shut_down(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError, ValueError):
                self._socket.shutdown(socket.SHUT_RDWR)


class _Watched:
    """What both kinds of connection add to urllib3's."""

    sock: Any
    _served = False

    def connect(self) -> None:
        self._served = False
        super().connect()  # type: ignore[misc]

    def getresponse(self) -> Any:
        deadline: Deadline | None = getattr(_call, "deadline", None)
        if deadline is not None and self.sock is not None:
            deadline.watch(self.sock)
        try:
            response = super().getresponse()  # type: ignore[misc]
        except (RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            if self._served:
                raise StaleConnection(str(error)) from error
            raise
        self._served = True
        return response


class _HttpConnection(_Watched, HTTPConnection):
    pass


class _HttpsConnection(_Watched, HTTPSConnection):
    pass


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


_POOLS = {"http": _HttpPool, "https": _HttpsPool}


class WatchedAdapter(requests.adapters.HTTPAdapter):
    """The adapter that makes requests use these connections, with proxies and without."""

    def __init__(self) -> None:
        super().__init__(pool_connections=10, pool_maxsize=AT_ONCE)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """See requests."""
        super().init_poolmanager(*arguments, **options)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        """See requests."""
        manager = super().proxy_manager_for(*arguments, **options)
        self._watch(manager)
        return manager

    def _watch(self, manager: urllib3.PoolManager) -> None:
        # A manager for a SOCKS proxy has connections of its own kind.
        if manager.pool_classes_by_scheme is urllib3.poolmanager.pool_classes_by_scheme:
            manager.pool_classes_by_scheme = _POOLS

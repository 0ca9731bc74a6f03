"""Tells systemd how the server is: ready, reloading, alive, stopping. Does nothing where no service manager listens.

Source: sd_notify(3) and sd_watchdog_enabled(3). The watchdog is fed from the event loop, so one that is stuck is ended.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping

import gevent
from gevent import socket


class ServiceManager:
    """The one that started us, if it wants to hear.

    :param environment: holds ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID``, where there is one
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # An abstract name is written with an @ in place of its zero byte.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._interval = _watchdog_seconds(environment) / 2
        self._beating: gevent.Greenlet[[], None] | None = None

    def ready(self, status: str) -> None:
        """We serve from now on.

        :param status: for people, in one line
        """
        self._tell("READY=1", f"STATUS={status}")
        if self._address and self._interval and self._beating is None:
            self._beating = gevent.spawn(self._beat)

    def reloading(self) -> None:
        """We read our files again; :meth:`ready` follows."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """We are about to end."""
        if self._beating is not None:
            self._beating.kill(block=False)
        self._tell("STOPPING=1")

    def _beat(self) -> None:
        while True:
            self._tell("WATCHDOG=1")
            gevent.sleep(self._interval)

    def _tell(self, *words: str) -> None:
        if not self._address:
            return
        # One that does not listen any more is no reason to serve nobody.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto("\n".join(words).encode(), self._address)


def _watchdog_seconds(environment: Mapping[str, str]) -> float:
    """After how many seconds of silence we are ended; 0 for never."""
    microseconds, process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or process not in ("", str(os.getpid())):
        return 0.0
    return int(microseconds) / 1e6

"""Hears from the kernel (rtnetlink) that an interface or an IPv4 address of ours came, went or changed.

What has changed is for the listener to look up: no message is read. A host that makes and removes interfaces all the
time has it told at most so often. Linux only; elsewhere, or where there is no such socket, nothing is heard.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

import gevent
from gevent import socket

SECONDS_BETWEEN = 0.2
"""Between two calls of the listener: an address that comes right after another waits so long at most."""

_RTMGRP_LINK, _RTMGRP_IPV4_IFADDR = 0x1, 0x10  # <linux/rtnetlink.h>


class LinkNews:
    """Tells *listener* of changes until it is closed.

    :raises OSError: the kernel has no such socket for us
    """

    def __init__(self, listener: Callable[[], object]) -> None:
        family = getattr(socket, "AF_NETLINK", None)
        if family is None:
            raise OSError(errno.EAFNOSUPPORT, "this system has no rtnetlink")
        self._listener = listener
        self._socket = socket.socket(family, socket.SOCK_RAW, 0)  # NETLINK_ROUTE
        try:
            self._socket.bind((0, _RTMGRP_LINK | _RTMGRP_IPV4_IFADDR))
        except OSError:
            self._socket.close()
            raise
        self._greenlet = gevent.spawn(self._listen)

    def _listen(self) -> None:
        while True:
            try:
                self._socket.recv(1)  # the rest of a message is discarded
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # more came than there was room for: that, too, is news
                    return
            self._listener()
            gevent.sleep(SECONDS_BETWEEN)

    def close(self) -> None:
        """Hear no more."""
        self._greenlet.kill(block=False)
        self._socket.close()

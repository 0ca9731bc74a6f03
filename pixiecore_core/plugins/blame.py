"""Puts a plugin's name and a time limit on what runs inside a ``with`` block. Does not decide what a failure means.

Whatever a plugin raises comes out as a PluginError, but for the errors that its hook's contract names.
"""

from __future__ import annotations

import signal
import threading
from typing import Any

import gevent

from pixiecore_core.errors import BootFileError, BootFileNotReady, CmdlineError, ConfigError, PluginError
from pixiecore_core.plugins.telling import in_words, is_writable, place_of

_ALLOWED: dict[type[Exception], tuple[str, ...]] = {
    ConfigError: ("register_booters", "register_policies", "register_firmware", "register_commands"),
    BootFileError: ("provide_bootloader", "open_boot_file", "read_at", "close"),
    CmdlineError: ("cmdline_functions", "render_cmdline"),
}
"""The hooks that may raise each error, as their contracts say."""
CORE = "core"
"""The name of the core's own implementations, which would help nobody."""

stopping = threading.Event()
"""Set while the server stops, and ends what is still inside of a plugin."""
running: dict[int, tuple[str, str]] = {}
"""Plugin and hook that each greenlet is inside of, by the greenlet's id; the blocked-loop monitor reads it."""


class Blame:
    """Turns what goes wrong inside into a PluginError, even ``sys.exit`` and a time-out of the plugin's own.

    An answer after the deadline does not count, even from a plugin that swallows the timeout.

    :param timeout: seconds; ``None`` for no limit
    :param passing: an error that was already on its way, and is nobody's fault here
    :param generator: whether StopIteration is a generator's way to say that it is done
    """

    __slots__ = ("_expired", "_generator", "_greenlet", "_outer", "_passing", "_timeout", "_timer", "_who")

    def __init__(
        self, plugin: str, hook: str, timeout: float | None, passing: object = None, generator: bool = False
    ) -> None:
        self._who = (plugin, hook)
        self._timeout = timeout
        self._passing = passing
        self._generator = generator

    def __enter__(self) -> None:
        self._greenlet = id(gevent.getcurrent())
        self._outer = running.get(self._greenlet)
        running[self._greenlet] = self._who
        self._expired, self._timer = False, None
        if self._timeout is not None:
            self._timer = gevent.get_hub().loop.timer(self._timeout)
            self._timer.start(self._expire, gevent.getcurrent())

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._timer is not None:
            self._timer.close()
        running[self._greenlet] = self._outer or self._who
        if self._outer is None:
            del running[self._greenlet]
        if isinstance(error, gevent.GreenletExit) and stopping.is_set():
            return  # else nobody but the plugin says so
        if self._expired:
            raise PluginError(*self._who, f"gave no answer within {self._timeout:g} s", place_of(error)) from None
        if error is not None and error is not self._passing and not self._may_pass(error):
            raise PluginError(*self._who, in_words(error), place_of(error)) from error

    def _expire(self, greenlet: Any) -> None:
        self._expired = True
        # No Exception, so that "except Exception" does not go on waiting.
        greenlet.throw(gevent.Timeout(self._timeout))

    def _may_pass(self, error: BaseException) -> bool:
        plugin, hook = self._who
        match error:
            case KeyboardInterrupt():
                # While a server runs, Ctrl-C is handled elsewhere (cli/signals.py), and this is the plugin's own.
                return signal.getsignal(signal.SIGINT) is signal.default_int_handler
            case StopIteration():
                return self._generator
            case BootFileNotReady() if not (type(error.seconds) is int and 0 < error.seconds <= 3600):
                return False  # no client could be told
            case BootFileError() | CmdlineError() if not is_writable(error):
                return False
        return isinstance(error, PluginError) or any(
            isinstance(error, kind) and (hook in hooks or (plugin == CORE and kind is not ConfigError))
            for kind, hooks in _ALLOWED.items()
        )

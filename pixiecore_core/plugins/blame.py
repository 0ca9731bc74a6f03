"""Puts a plugin's name and a time limit on what runs inside a ``with`` block. Does not decide what a failure means.

Whatever a plugin raises comes out as a PluginError, but for the errors that its hook's contract names.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import gevent

from pixiecore_core.errors import BootFileError, BootFileNotReady, CmdlineError, ConfigError, PluginError

_ALLOWED: dict[str, tuple[type[Exception], ...]] = {
    "register_booters": (ConfigError,),
    "register_policies": (ConfigError,),
    "register_commands": (ConfigError,),
    "provide_bootloader": (BootFileError,),
    "cmdline_functions": (CmdlineError,),
    "render_cmdline": (CmdlineError,),
    "open_boot_file": (BootFileError,),
    "read_at": (BootFileError,),
    "close": (BootFileError,),
}
"""What each hook may raise, as its contract says."""
_CORE = "core"
_CORES_OWN = (BootFileError, CmdlineError)
"""Of the core's own implementations, whose name would help nobody."""

LONGEST_REASON = 500
"""Characters; a plugin's error may hold a whole file."""

stopping = threading.Event()
"""Set while the server stops, and ends what is still inside of a plugin."""
running: dict[int, tuple[str, str]] = {}
"""Plugin and hook that each greenlet is inside of, by the greenlet's id; the blocked-loop monitor reads it."""


_AGAIN = 1.0
"""Seconds between the throws into a plugin that does not stop at the first."""


class TimeIsOverError(BaseException):
    """Thrown into a plugin whose time is over. No Exception, lest ``except Exception`` go on waiting."""


class Blame:
    """Turns what goes wrong inside into a PluginError, even ``sys.exit`` and a time-out of the plugin's own.

    Whoever catches what says that the time is over, and gives an answer after all, gave none; whoever waits on is told
    again each second.

    :param timeout: seconds; ``None`` for no limit
    :param report: told, in a greenlet, of a plugin that goes on nevertheless, whose machine nobody can help
    :param passing: an error that was already on its way, and is nobody's fault here
    :param generator: whether StopIteration is a generator's way to say that it is done
    """

    __slots__ = ("_generator", "_greenlet", "_outer", "_passing", "_report", "_throws", "_timeout", "_timer", "_who")

    def __init__(
        self,
        plugin: str,
        hook: str,
        timeout: float | None,
        report: Callable[[PluginError], None] | None = None,
        passing: object = None,
        generator: bool = False,
    ) -> None:
        self._who = (plugin, hook)
        self._timeout = timeout
        self._report = report
        self._passing = passing
        self._generator = generator
        self._throws = 0

    def __enter__(self) -> None:
        self._greenlet = gevent.getcurrent()
        self._outer = running.get(id(self._greenlet))
        running[id(self._greenlet)] = self._who
        self._timer = None
        if self._timeout is not None:
            self._timer = gevent.get_hub().loop.timer(self._timeout, _AGAIN)
            self._timer.start(self._expire)

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._timer is not None:
            self._timer.close()
        if self._outer is None:
            del running[id(self._greenlet)]
        else:
            running[id(self._greenlet)] = self._outer
        if isinstance(error, gevent.GreenletExit) and stopping.is_set():
            return  # else nobody but the plugin says so
        if self._throws:
            raise PluginError(*self._who, f"gave no answer within {self._timeout:g} s") from None
        if error is None or error is self._passing or self._may_pass(error):
            return
        raise PluginError(*self._who, in_words(error)) from error

    def _expire(self) -> None:
        """Runs in the event loop, so the plugin waits for something."""
        self._throws += 1
        if self._throws == 2 and self._report is not None:
            reason = f"gave no answer within {self._timeout:g} s, and does not stop; does it catch every error?"
            gevent.spawn(self._report, PluginError(*self._who, reason))
        self._greenlet.throw(TimeIsOverError())

    def _may_pass(self, error: BaseException) -> bool:
        if isinstance(error, KeyboardInterrupt):
            # While a server runs, Ctrl-C is handled elsewhere (cli/signals.py), and this is the plugin's own.
            return signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if isinstance(error, StopIteration):
            return self._generator
        plugin, hook = self._who
        if plugin == _CORE:
            return isinstance(error, (PluginError, *_CORES_OWN))
        return isinstance(error, PluginError) or (isinstance(error, _ALLOWED.get(hook, ())) and _is_sound(error))


def _is_sound(error: BaseException) -> bool:
    """Whether an error that a plugin may raise can be handed to a client: it may be of a class of the plugin's own."""
    try:
        str(error).encode()
    except BaseException:
        return False
    return not isinstance(error, BootFileNotReady) or (type(error.seconds) is int and 0 < error.seconds <= 3600)


def in_words(error: BaseException) -> str:
    """An error in one line of a bounded length, whatever its own ``__str__`` does."""
    try:
        text = str(error)
    except BaseException:
        text = "its text cannot be had"
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    if len(line) > LONGEST_REASON:
        line = f"{line[:LONGEST_REASON]}…"
    return f"{type(error).__name__}: {line}"

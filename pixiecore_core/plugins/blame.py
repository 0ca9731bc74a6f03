"""Puts a plugin's name and a time limit on what runs inside a ``with`` block. Does not decide what a failure means.

Whatever a plugin raises comes out as a PluginError, but for the errors that its hook's contract names.
"""

from __future__ import annotations

import signal
import threading

import gevent

from pixiecore_core.errors import BootFileError, CmdlineError, ConfigError, PluginError

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


class Blame:
    """Turns what goes wrong inside into a PluginError, even ``sys.exit`` and a time-out of the plugin's own.

    :param timeout: seconds; ``None`` for no limit
    :param passing: an error that was already on its way, and is nobody's fault here
    :param generator: whether StopIteration is a generator's way to say that it is done
    """

    __slots__ = ("_generator", "_greenlet", "_outer", "_passing", "_timeout", "_timer", "_who")

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
        self._timer = gevent.Timeout.start_new(self._timeout)

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._timer.close()
        if self._outer is None:
            del running[self._greenlet]
        else:
            running[self._greenlet] = self._outer
        if error is self._timer:
            raise PluginError(*self._who, f"gave no answer within {self._timeout:g} s") from None
        if error is None or error is self._passing or self._may_pass(error):
            return
        raise PluginError(*self._who, in_words(error)) from error

    def _may_pass(self, error: BaseException) -> bool:
        if isinstance(error, gevent.GreenletExit):
            return stopping.is_set()  # else nobody but the plugin says so
        if isinstance(error, KeyboardInterrupt):
            # While a server runs, Ctrl-C is handled elsewhere (cli/signals.py), and this is the plugin's own.
            return signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if isinstance(error, StopIteration):
            return self._generator
        plugin, hook = self._who
        return isinstance(error, (PluginError, *(_CORES_OWN if plugin == _CORE else _ALLOWED.get(hook, ()))))


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

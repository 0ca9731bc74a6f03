"""Puts a plugin's name and a time limit on what runs inside a ``with`` block. Does not decide what a failure means."""

from __future__ import annotations

import gevent

from pixiecore_core.errors import BootFileError, CmdlineError, ConfigError, PluginError

_ALLOWED_ERRORS = (BootFileError, CmdlineError, ConfigError)
_NOT_THE_PLUGINS = (gevent.GreenletExit, KeyboardInterrupt, GeneratorExit)

running: dict[int, tuple[str, str]] = {}
"""Plugin and hook that each greenlet is inside of, by the greenlet's id; the blocked-loop monitor reads it."""


class Blame:
    """Turns what goes wrong inside into a PluginError, even ``sys.exit`` and a time-out of the plugin's own.

    :param timeout: seconds; ``None`` for no limit
    :param passing: an error that was already on its way, and is nobody's fault here
    """

    __slots__ = ("_greenlet", "_outer", "_passing", "_timeout", "_timer", "_who")

    def __init__(self, plugin: str, hook: str, timeout: float | None, passing: object = None) -> None:
        self._who = (plugin, hook)
        self._timeout = timeout
        self._passing = passing

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
        if error is None or error is self._passing or isinstance(error, _NOT_THE_PLUGINS):
            return
        if not isinstance(error, (StopIteration, PluginError, *_ALLOWED_ERRORS)):
            raise PluginError(*self._who, f"{type(error).__name__}: {error}") from error

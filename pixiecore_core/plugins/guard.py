"""Stands between pluggy and one plugin's functions: a time limit, a check of the answer, a name on every failure.

Whatever a plugin does, what comes out is a proper answer, a PluginError that names plugin and hook, or one of the
errors that a hook's contract allows. Sets no policy: what a failure means is the manager's business.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any

import gevent
import pluggy

from pixiecore_core.errors import BootFileError, CmdlineError, ConfigError, PluginError
from pixiecore_core.models import BootFile, BootSpec, Hold, Ignore, PageAnswer

Observe = Callable[[str, str, object], None]
"""Told of each answer of a plugin, or of its failure: plugin, hook, and what it was."""

_ANSWERS: dict[str, tuple[type, ...]] = {
    "on_pxe_request": (Ignore,),
    "select_boot": (BootSpec, Ignore, Hold),
    "provide_bootloader": (BootFile,),
    "render_cmdline": (str,),
    "render_script": (str,),
    "open_boot_file": (BootFile,),
    "cmdline_functions": (dict,),
    "page": (PageAnswer,),
}
"""What each hook may return besides None; the others may return nothing."""

_ALLOWED_ERRORS = (BootFileError, CmdlineError, ConfigError)
_UNTIMED = {"register_booters", "register_policies", "register_commands", "register_routes"}
_ALL_ASKED = {"on_pxe_request", "cmdline_functions"}
"""Hooks whose answers pluggy gathers in a list, which is what a wrapper around them sees."""

running: dict[int, tuple[str, str]] = {}
"""Plugin and hook that each greenlet is inside of, by the greenlet's id; the blocked-loop monitor reads it."""


class Guarded:
    """A stand-in for *plugin* whose hook implementations are guarded; pluggy registers this instead.

    :param timeout: seconds for one call of one implementation; ``None`` for no limit
    :param observe: told of every answer
    """

    def __init__(
        self,
        manager: pluggy.PluginManager,
        plugin: object,
        name: str,
        timeout: float | None,
        observe: Observe | None = None,
    ) -> None:
        for attribute in dir(plugin):
            options = manager.parse_hookimpl_opts(plugin, attribute)
            if options is None:
                continue
            function = getattr(plugin, attribute)
            hook = options.get("specname") or attribute
            limit = None if hook in _UNTIMED else timeout
            guarding = _guard_wrapper if inspect.isgeneratorfunction(function) else guard
            guarded = guarding(function, name, hook, limit)
            setattr(self, attribute, _observed(guarded, name, hook, observe) if observe is not None else guarded)


def _observed(function: Callable[..., Any], plugin: str, hook: str, observe: Observe) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any) -> Generator[None, Any, Any]:
            answer = yield from function(*args)
            observe(plugin, hook, answer)
            return answer

        return wrapper

    @functools.wraps(function)
    def observed(*args: Any) -> Any:
        try:
            answer = function(*args)
        except Exception as error:
            observe(plugin, hook, error)
            raise
        observe(plugin, hook, answer)
        return answer

    return observed


def guard(function: Callable[..., Any], plugin: str, hook: str, timeout: float | None) -> Callable[..., Any]:
    """*function*, whose failures are :class:`PluginError` and whose answers are what *hook* allows."""

    @functools.wraps(function)
    def guarded(*args: Any) -> Any:
        with _Blame(plugin, hook, timeout):
            answer = function(*args)
        return _checked(answer, plugin, hook)

    return guarded


def _guard_wrapper(function: Callable[..., Any], plugin: str, hook: str, timeout: float | None) -> Callable[..., Any]:
    """For ``@hookimpl(wrapper=True)``: its own two halves are timed, what it wraps is not."""

    @functools.wraps(function)
    def guarded(*args: Any) -> Generator[None, Any, Any]:
        with _Blame(plugin, hook, timeout):
            generator = function(*args)
            next(generator)
        try:
            inner = yield
        except BaseException as error:
            resume, value = generator.throw, error
        else:
            resume, value = generator.send, inner
        try:
            with _Blame(plugin, hook, timeout, passing=value):
                resume(value)
        except StopIteration as stop:
            return _checked(stop.value, plugin, hook)
        raise PluginError(plugin, hook, "the wrapper yields more than once")

    return guarded


class _Blame:
    """Turns what goes wrong inside into a PluginError; *passing* is an error that was already on its way."""

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
        if not isinstance(error, Exception) or error is self._passing:
            return
        if not isinstance(error, (StopIteration, PluginError, *_ALLOWED_ERRORS)):
            raise PluginError(*self._who, f"{type(error).__name__}: {error}") from error


def _checked(answer: Any, plugin: str, hook: str) -> Any:
    if answer is None or isinstance(answer, _ANSWERS.get(hook, ())):
        return answer
    if hook in _ALL_ASKED and isinstance(answer, list):
        return answer  # what a wrapper around all answers hands on
    allowed = " or ".join(kind.__name__ for kind in _ANSWERS.get(hook, ())) or "nothing"
    raise PluginError(plugin, hook, f"returned {type(answer).__name__}, where {allowed} or None is expected")

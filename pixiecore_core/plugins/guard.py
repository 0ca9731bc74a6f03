"""Stands between pluggy and one plugin's functions: a time limit, a check of the answer, a name on every failure.

Whatever a plugin does, what comes out is a proper answer, a PluginError that names plugin and hook, or one of the
errors that a hook's contract allows. Sets no policy: what a failure means is for the manager to decide.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from contextlib import suppress
from contextvars import ContextVar
from time import perf_counter
from typing import Any, TypeVar

import pluggy

from pixiecore_core.errors import BootFileError, PluginError
from pixiecore_core.models import BootFile, BootSpec, ByteSource, Hold, Ignore, LocalDisk
from pixiecore_core.plugins.answers import ANSWERS, check
from pixiecore_core.plugins.blame import Blame
from pixiecore_core.plugins.observing import Observe, observed
from pixiecore_core.plugins.registration import hooks_of
from pixiecore_core.plugins.telling import defined_at

T = TypeVar("T")
Refusal = TypeVar("Refusal", Ignore, Hold)
AnyFunction = Callable[..., Any]
Report = Callable[[PluginError], None]
Took = Callable[[float], None]
"""Told how many seconds each call of a hook took."""

ANSWERED_BY: ContextVar[str] = ContextVar("answered_by", default="")
"""The plugin that was the first to answer the question that this greenlet asks; whoever asks sets it to nothing."""
READ_SECONDS = 60.0
"""For one read: a plugin's file may come from a slow server of its own."""


class Guarded:
    """A stand-in for *plugin* whose hook implementations are guarded; pluggy registers this instead.

    :param timeout: seconds that one call of a hook may take; ``None`` for no limit
    :param observe: told of every answer
    :param report: told of what goes wrong with a file that the plugin has opened, after the call
    :param measure: makes what is told how long calls take, for a plugin and a hook
    :raises ConfigError: a hook of it would not work as one
    """

    def __init__(
        self,
        manager: pluggy.PluginManager,
        plugin: object,
        name: str,
        timeout: Callable[[str], float | None],
        observe: Observe | None = None,
        report: Report = lambda error: None,
        measure: Callable[[str, str], Took] = lambda plugin, hook: lambda seconds: None,
    ) -> None:
        for attribute, hook, function, options in hooks_of(manager, plugin, name):
            guarding = _guard_wrapper if options.get("wrapper") else guard
            guarded = guarding(function, name, hook, timeout(hook), report, measure(name, hook))
            if observe is not None and hook in ANSWERS:
                guarded = observed(guarded, name, hook, observe)
            setattr(self, attribute, guarded)


def guard(
    function: AnyFunction,
    plugin: str,
    hook: str,
    timeout: float | None,
    report: Report,
    took: Took = lambda seconds: None,
) -> AnyFunction:
    """*function*, whose failures are :class:`PluginError` and whose answers are what *hook* allows."""
    last: tuple[Any, Any] = (None, None)

    @functools.wraps(function)
    def guarded(*args: Any) -> Any:
        nonlocal last
        began = perf_counter()
        try:
            with Blame(plugin, hook, timeout):
                answer = function(*args)
        finally:
            took(perf_counter() - began)
        if answer is last[0] and answer is not None:
            if not ANSWERED_BY.get():
                ANSWERED_BY.set(plugin)
            return last[1]  # a booter may well give every machine the same object, thousands of times a second
        if answer is not None and not ANSWERED_BY.get():
            ANSWERED_BY.set(plugin)
        sound = check(answer, plugin, hook, function)
        if isinstance(sound, dict):
            return {name: _word(word, plugin, hook, timeout) for name, word in sound.items()}
        # Our own sources keep their ways to save copies.
        if isinstance(sound, BootFile) and not type(sound.source).__module__.startswith("pixiecore_core."):
            return sound.model_copy(update={"source": _GuardedSource(sound.source, plugin, report)})
        if isinstance(answer, (BootSpec, Ignore, Hold, LocalDisk)):  # nothing can change it afterwards
            last = answer, sound
        return sound

    return guarded


def _guard_wrapper(
    function: AnyFunction, plugin: str, hook: str, timeout: float | None, report: Report, took: Took
) -> AnyFunction:
    """For ``@hookimpl(wrapper=True)``: its own two halves are timed; what it wraps is not."""

    @functools.wraps(function)
    def guarded(*args: Any) -> Generator[None, Any, Any]:
        began = perf_counter()
        with Blame(plugin, hook, timeout):
            generator = function(*args)
            if next(generator, guarded) is guarded:
                raise PluginError(plugin, hook, "the wrapper does not yield", defined_at(function))
        resume: Callable[[Any], Any] = generator.send
        before = perf_counter() - began
        try:
            value = yield
        except BaseException as error:
            resume, value = generator.throw, error
        began = perf_counter()
        try:
            with Blame(plugin, hook, timeout, passing=value, generator=True):
                resume(value)
        except StopIteration as stop:
            return check(stop.value, plugin, hook, function, wrapper=True)
        finally:
            took(before + perf_counter() - began)
        raise PluginError(plugin, hook, "the wrapper yields more than once", defined_at(function))

    return guarded


def _word(function: Callable[[], str], plugin: str, hook: str, timeout: float | None) -> Callable[[], str]:
    """A command line's function, under the time limit of its hook: the core calls it, and must not be blamed."""

    def word() -> str:
        with Blame(plugin, hook, timeout):
            if not isinstance(text := function(), str):
                reason = f"a function returned {type(text).__name__}; expected str"
                raise PluginError(plugin, hook, reason, defined_at(function))
        return text

    return word


class _GuardedSource:
    """A byte source over a plugin's: it lives on after the hook has answered. Each failure is reported."""

    def __init__(self, source: ByteSource, plugin: str, report: Report) -> None:
        self._source, self._plugin, self._report = source, plugin, report

    def read_at(self, offset: int, length: int) -> bytes:
        """See :class:`pixiecore_core.models.ByteSource`."""
        return self._guarded("read_at", lambda: _at_most(length, self._source.read_at(offset, length)))

    def close(self) -> None:
        """Free it; a failure does no harm."""
        with suppress(BootFileError):
            self._guarded("close", self._source.close)

    def _guarded(self, method: str, call: Callable[[], T]) -> T:
        try:
            with Blame(self._plugin, method, READ_SECONDS):
                return call()
        except PluginError as error:
            self._report(error)
            raise BootFileError(str(error)) from error


def _at_most(length: int, data: Any) -> bytes:
    whole = bytes(memoryview(data))  # a view of larger items has fewer of them than bytes
    if len(whole) > length:
        raise ValueError(f"{len(whole)} bytes where {length} were asked for")
    return whole


def named(refusal: Refusal) -> Refusal:
    """*refusal*, with the plugin that has just answered so."""
    return refusal.model_copy(update={"by": ANSWERED_BY.get()})

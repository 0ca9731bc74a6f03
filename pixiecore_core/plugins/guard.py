"""Stands between pluggy and one plugin's functions: a time limit, a check of the answer, a name on every failure.

Whatever a plugin does, what comes out is a proper answer, a PluginError that names plugin and hook, or one of the
errors that a hook's contract allows. Sets no policy: what a failure means is the manager's business.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any

import pluggy

from pixiecore_core.errors import ConfigError, PluginError
from pixiecore_core.models import BootFile, BootSpec, FileRef, Hold, Ignore, PageAnswer
from pixiecore_core.plugins.blame import Blame
from pixiecore_core.plugins.sources import GuardedSource

Observe = Callable[[str, str, object], None]
"""Told of each answer of a plugin, or of its failure: plugin, hook, and what it was."""

_ANSWERS: dict[str, tuple[type, ...]] = {
    "on_pxe_request": (Ignore,),
    "select_boot": (BootSpec, Ignore, Hold),
    "provide_bootloader": (BootFile,),
    "render_cmdline": (str,),
    "render_script": (str,),
    "open_boot_file": (BootFile, FileRef),
    "cmdline_functions": (dict,),
    "page": (PageAnswer,),
}
"""What each hook may return besides None; the others may return nothing."""

_UNTIMED = {"register_booters", "register_policies", "register_commands", "register_routes"}
_CALLED_ONE_BY_ONE = {"register_routes", "provide_bootloader", "on_event", "reload", "shutdown"}
"""Hooks whose implementations the manager calls by itself, so that one that fails leaves the others alone."""
_ALL_ASKED = {"on_pxe_request", "cmdline_functions"}
"""Hooks whose answers pluggy gathers in a list, which is what a wrapper around them sees."""


class Guarded:
    """A stand-in for *plugin* whose hook implementations are guarded; pluggy registers this instead.

    :param timeout: seconds for one call of one implementation; ``None`` for no limit
    :param observe: told of every answer
    :param report: told of what goes wrong with a file that the plugin has opened, after the call
    """

    def __init__(
        self,
        manager: pluggy.PluginManager,
        plugin: object,
        name: str,
        timeout: float | None,
        observe: Observe | None = None,
        report: Callable[[PluginError], None] = lambda error: None,
    ) -> None:
        for attribute in dir(plugin):
            options = manager.parse_hookimpl_opts(plugin, attribute)
            if options is None:
                continue
            function = getattr(plugin, attribute)
            hook = options.get("specname") or attribute
            if not options.get("optionalhook") and not _is_specified(manager, hook):
                known = [one for one in vars(manager.hook) if _is_specified(manager, one)]
                near = difflib.get_close_matches(hook, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
                raise ConfigError(f"plugin {name!r}", f"there is no hook {hook!r}; {hint}")
            if hook in _CALLED_ONE_BY_ONE and (options.get("wrapper") or options.get("hookwrapper")):
                raise ConfigError(f"plugin {name!r}", f"{hook} cannot be a wrapper: every plugin is called by itself")
            limit = None if hook in _UNTIMED else timeout
            guarding = _guard_wrapper if inspect.isgeneratorfunction(function) else guard
            guarded = guarding(function, name, hook, limit)
            if "BootFile" in {kind.__name__ for kind in _ANSWERS.get(hook, ())} and guarding is guard:
                guarded = _with_guarded_source(guarded, name, report)
            setattr(self, attribute, _observed(guarded, name, hook, observe) if observe is not None else guarded)


def _is_specified(manager: pluggy.PluginManager, hook: str) -> bool:
    caller = getattr(manager.hook, hook, None)
    return caller is not None and caller.spec is not None


def _with_guarded_source(
    function: Callable[..., Any], plugin: str, report: Callable[[PluginError], None]
) -> Callable[..., Any]:
    @functools.wraps(function)
    def opened(*args: Any) -> Any:
        file = function(*args)
        # Our own sources keep their ways to save copies.
        if not isinstance(file, BootFile) or type(file.source).__module__.startswith("pixiecore_core."):
            return file
        return file.model_copy(update={"source": GuardedSource(file.source, plugin, report)})

    return opened


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
        with Blame(plugin, hook, timeout):
            answer = function(*args)
        return _checked(answer, plugin, hook)

    return guarded


def _guard_wrapper(function: Callable[..., Any], plugin: str, hook: str, timeout: float | None) -> Callable[..., Any]:
    """For ``@hookimpl(wrapper=True)``: its own two halves are timed, what it wraps is not."""

    @functools.wraps(function)
    def guarded(*args: Any) -> Generator[None, Any, Any]:
        with Blame(plugin, hook, timeout):
            generator = function(*args)
            next(generator)
        try:
            inner = yield
        except BaseException as error:
            resume, value = generator.throw, error
        else:
            resume, value = generator.send, inner
        try:
            with Blame(plugin, hook, timeout, passing=value):
                resume(value)
        except StopIteration as stop:
            return _checked(stop.value, plugin, hook)
        raise PluginError(plugin, hook, "the wrapper yields more than once")

    return guarded


def _checked(answer: Any, plugin: str, hook: str) -> Any:
    if answer is None or isinstance(answer, _ANSWERS.get(hook, ())):
        return answer
    if hook in _ALL_ASKED and isinstance(answer, list):
        return answer  # what a wrapper around all answers hands on
    allowed = " or ".join(kind.__name__ for kind in _ANSWERS.get(hook, ())) or "nothing"
    raise PluginError(plugin, hook, f"returned {type(answer).__name__}, where {allowed} or None is expected")

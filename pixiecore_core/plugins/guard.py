"""Stands between pluggy and one plugin's functions: a time limit, a check of the answer, a name on every failure.

Whatever a plugin does, what comes out is a proper answer, a PluginError that names plugin and hook, or one of the
errors that a hook's contract allows. Sets no policy: what a failure means is the manager's business.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Generator, Mapping
from typing import Any

import pluggy
from pydantic import ValidationError

from pixiecore_core.closest import no_such
from pixiecore_core.errors import ConfigError, PluginError
from pixiecore_core.models import BootFile, BootSpec, FileRef, Hold, Ignore, PageAnswer
from pixiecore_core.plugins.blame import Blame, in_words
from pixiecore_core.plugins.sources import GuardedSource

Report = Callable[[PluginError], None]
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

_UNTIMED = {"register_booters", "register_policies", "register_firmware", "register_commands", "register_routes"}
_CALLED_ONE_BY_ONE = {
    "register_firmware",
    "register_routes",
    "take_reporter",
    "provide_bootloader",
    "on_event",
    "on_reload",
    "on_shutdown",
}
"""Hooks whose implementations the manager calls by itself, so that one that fails leaves the others alone."""
_ALL_ASKED = {"on_pxe_request", "cmdline_functions"}
"""Hooks whose answers pluggy gathers in a list, which is what a wrapper around them sees."""
_TEXTS = {"render_cmdline", "render_script"}
_LONGEST_TEXT = 1_000_000
"""Characters of a script; iPXE would have to hold it in memory."""
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
_ETAG = re.compile(r"[\x20-\x7e]{0,200}")
_NOT_WRITABLE = re.compile(r"[\x00\ud800-\udfff]")


class Guarded:
    """A stand-in for *plugin* whose hook implementations are guarded; pluggy registers this instead.

    :param timeout: seconds for one call of one implementation; ``None`` for no limit
    :param observe: told of every answer
    :param report: told of what goes wrong with a file that the plugin has opened, after the call, and of calls that do
        not end
    :param limits: other limits, of some hooks
    """

    def __init__(
        self,
        manager: pluggy.PluginManager,
        plugin: object,
        name: str,
        timeout: float | None,
        observe: Observe | None = None,
        report: Report = lambda error: None,
        limits: Mapping[str, float] | None = None,
    ) -> None:
        for attribute in dir(plugin):
            try:
                options = manager.parse_hookimpl_opts(plugin, attribute)
            except Exception:
                continue  # a lazy object, as flask's request is, does not say what it is; a hook would
            if options is None:
                _check_unmarked(manager, plugin, attribute, name)
                continue
            function = getattr(plugin, attribute)
            hook = options.get("specname") or attribute
            if not options.get("optionalhook") and not _is_specified(manager, hook):
                known = [one for one in vars(manager.hook) if _is_specified(manager, one)]
                raise ConfigError(f"plugin {name!r}", no_such("hook", hook, known))
            _check_kind(function, options, hook, name)
            _check_arguments(function, manager, hook, name)
            limit = None if hook in _UNTIMED else (limits or {}).get(hook, timeout)
            guarding = _guard_wrapper if options.get("wrapper") else guard
            guarded = guarding(function, name, hook, limit, report)
            if BootFile in _ANSWERS.get(hook, ()) and guarding is guard:
                guarded = _with_guarded_source(guarded, name, report)
            setattr(self, attribute, _observed(guarded, name, hook, observe) if observe is not None else guarded)


def _check_kind(function: Callable[..., Any], options: Mapping[str, Any], hook: str, plugin: str) -> None:
    """:raises ConfigError: it is a wrapper where none can be, or looks like one and is none"""
    who = f"plugin {plugin!r}"
    if options.get("hookwrapper"):
        raise ConfigError(who, f"{hook} is a wrapper of an older kind; write @hookimpl(wrapper=True)")
    if options.get("wrapper") and hook in _CALLED_ONE_BY_ONE:
        raise ConfigError(who, f"{hook} cannot be a wrapper: every plugin is called by itself")
    if not options.get("wrapper") and inspect.isgeneratorfunction(function):
        raise ConfigError(who, f"{hook} yields, as wrappers do; did you mean @hookimpl(wrapper=True)?")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigError(who, f"{hook} is async; a hook is a plain function, and may wait")


def _check_arguments(function: Callable[..., Any], manager: pluggy.PluginManager, hook: str, plugin: str) -> None:
    """:raises ConfigError: a hook's argument has a default, or can be given by name only: pluggy would not fill it"""
    caller = vars(manager.hook).get(hook)
    specified = caller.spec.argnames if caller is not None and caller.spec is not None else ()
    try:
        arguments = inspect.signature(function).parameters.values()
    except ValueError:
        return  # of something written in C, about which nothing is known
    for argument in arguments:
        if argument.name in specified and argument.default is not argument.empty:
            raise ConfigError(
                f"plugin {plugin!r}", f"{hook}: {argument.name} has a default; a hook's argument has none"
            )
        if argument.kind is argument.KEYWORD_ONLY and argument.default is argument.empty:
            raise ConfigError(
                f"plugin {plugin!r}", f"{hook}: {argument.name} stands behind a *; hooks get it by position"
            )


def _check_unmarked(manager: pluggy.PluginManager, plugin: object, name: str, who: str) -> None:
    """:raises ConfigError: a function has a hook's name and no mark; a policy that is never asked lets everything by"""
    if not _is_specified(manager, name):
        return
    if inspect.isroutine(inspect.getattr_static(plugin, name, None)):
        raise ConfigError(f"plugin {who!r}", f"{name} has a hook's name and no @hookimpl; mark it, or rename it")


def _is_specified(manager: pluggy.PluginManager, hook: str) -> bool:
    caller = vars(manager.hook).get(hook)
    return caller is not None and caller.spec is not None


def _with_guarded_source(function: Callable[..., Any], plugin: str, report: Report) -> Callable[..., Any]:
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


def guard(
    function: Callable[..., Any], plugin: str, hook: str, timeout: float | None, report: Report
) -> Callable[..., Any]:
    """*function*, whose failures are :class:`PluginError` and whose answers are what *hook* allows.

    :param report: told of a call that does not end
    """

    last: tuple[Any, Any] = (None, None)

    @functools.wraps(function)
    def guarded(*args: Any) -> Any:
        nonlocal last
        with Blame(plugin, hook, timeout, report):
            answer = function(*args)
        if answer is last[0]:
            return last[1]  # a booter may well give every machine the same object, thousands of times a second
        checked = _checked(answer, plugin, hook, timeout, report)
        if isinstance(answer, (Ignore, Hold)) or (isinstance(answer, BootSpec) and not answer.files):
            last = (answer, checked)  # nothing in it can be changed afterwards
        return checked

    return guarded


def _guard_wrapper(
    function: Callable[..., Any], plugin: str, hook: str, timeout: float | None, report: Report
) -> Callable[..., Any]:
    """For ``@hookimpl(wrapper=True)``: its own two halves are timed, what it wraps is not."""

    @functools.wraps(function)
    def guarded(*args: Any) -> Generator[None, Any, Any]:
        with Blame(plugin, hook, timeout, report):
            generator = function(*args)
            if next(generator, _DONE) is _DONE:
                raise PluginError(plugin, hook, "the wrapper does not yield")
        try:
            inner = yield
        except BaseException as error:
            resume, value = generator.throw, error
        else:
            resume, value = generator.send, inner
        try:
            with Blame(plugin, hook, timeout, report, passing=value, generator=True):
                resume(value)
        except StopIteration as stop:
            return _checked_of_wrapper(stop.value, plugin, hook, timeout, report)
        raise PluginError(plugin, hook, "the wrapper yields more than once")

    return guarded


_DONE = object()


def _checked_of_wrapper(answer: Any, plugin: str, hook: str, timeout: float | None, report: Report) -> Any:
    """What a wrapper hands on: where all plugins are asked, a list of answers; where a text is wanted, a text."""
    if hook in _ALL_ASKED:
        if not isinstance(answer, list):
            raise PluginError(plugin, hook, f"returned {_kind(answer)}, where a wrapper hands on a list")
        return [_checked(one, plugin, hook, timeout, report) for one in answer if one is not None]
    if answer is None and hook in _TEXTS:
        raise PluginError(plugin, hook, "the wrapper returned nothing")
    return _checked(answer, plugin, hook, timeout, report)


def _checked(answer: Any, plugin: str, hook: str, timeout: float | None, report: Report) -> Any:
    """*answer*, if it is one that *hook* allows.

    :raises PluginError: it is not
    """
    if answer is None:
        return None
    try:
        wrong = _wrong_kind(answer, hook) or _wrong_with(answer, hook)
        answer = answer if wrong else _made_anew(answer)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        wrong = (
            f"returned {error.title} with {f'{field}: ' if field else ''}{first['msg'].removeprefix('Value error, ')}"
        )
    except BaseException as error:
        # It may be of a class of the plugin's, whose methods do what they like.
        raise PluginError(plugin, hook, in_words(error)) from error
    if wrong:
        raise PluginError(plugin, hook, wrong)
    if isinstance(answer, dict):
        return {name: _word(function, plugin, hook, timeout, report) for name, function in answer.items()}
    return answer


def _wrong_kind(answer: Any, hook: str) -> str:
    allowed = _ANSWERS.get(hook, ())
    if isinstance(answer, allowed):
        return ""
    names = " or ".join(kind.__name__ for kind in allowed) or "nothing"
    return f"returned {_kind(answer)}, where {names} or None is expected"


def _made_anew(answer: Any) -> Any:
    """A value of our own class with the same fields, validated: ``model_construct``, ``model_copy`` and subclasses get
    past that. Also each boot's own, for what a wrapper does to its files must not reach the next machine.
    """
    for kind in (BootSpec, Ignore, Hold, FileRef, PageAnswer):
        if isinstance(answer, kind):
            return kind.model_validate({name: getattr(answer, name) for name in kind.model_fields})
    return answer


def _kind(answer: Any) -> str:
    return "None" if answer is None else type(answer).__name__


def _wrong_with(answer: Any, hook: str) -> str:
    """What an answer of the right type does not keep of its hook's contract; empty if it keeps all."""
    match answer:
        case BootFile() if not isinstance(answer.name, str) or answer.source is None:
            return "returned a file without a name or a source"
        case BootFile() if not isinstance(answer.size, int) or answer.size < 0 or not _ETAG.fullmatch(answer.etag):
            return "returned a file with an impossible size or etag"
        case str() if hook == "render_cmdline" and _CONTROL.search(answer):
            return "returned more than one printable line"
        case str() if hook == "render_script" and not answer.startswith(("#!ipxe", "#!gpxe")):
            return "returned a script that does not begin with #!ipxe"
        case str() if len(answer) > _LONGEST_TEXT or _NOT_WRITABLE.search(answer):
            return f"returned a text with a NUL or half a character, or of over {_LONGEST_TEXT:,} characters"
        case dict() if not all(isinstance(name, str) and callable(function) for name, function in answer.items()):
            return "returned something else than functions by their names"
    return ""


def _word(
    function: Callable[[], str], plugin: str, hook: str, timeout: float | None, report: Report
) -> Callable[[], str]:
    """A command line's function, under the time limit of its hook: the core calls it, and must not be blamed."""

    def word() -> str:
        with Blame(plugin, hook, timeout, report):
            text = function()
        if not isinstance(text, str):
            raise PluginError(plugin, hook, f"a function returned {_kind(text)}, where str is expected")
        return text

    return word

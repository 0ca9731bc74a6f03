"""Refuses at registration, by the plugin's name, what pluggy would never call, or call without what it asks for.

Looks at functions only; calls none. How they are called is up to guard.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import pluggy

from pixiecore_core.closest import no_such
from pixiecore_core.errors import ConfigError

_BY_ITSELF = {"register_firmware", "register_routes", "take_reporter", "on_event", "on_reload", "on_shutdown"}
_SHOWN = {"policy_in_words", "machine_actions"}
CALLED_ONE_BY_ONE = _BY_ITSELF | _SHOWN | {"provide_bootloader"}
"""Hooks whose implementations the manager calls one by one, so that a failure leaves the others alone."""
_Options = Mapping[str, Any]


def hooks_of(
    manager: pluggy.PluginManager, plugin: object, name: str
) -> Iterator[tuple[str, str, Callable[..., Any], _Options]]:
    """Every hook implementation of *plugin*: its attribute, the hook's name, the function, its options.

    :raises ConfigError: there is something that looks like a hook and would not work as one
    """
    specs = {hook: caller.spec for hook, caller in vars(manager.hook).items() if getattr(caller, "spec", None)}
    for attribute in dir(plugin):
        try:
            options: _Options | None = manager.parse_hookimpl_opts(plugin, attribute)
        except Exception:
            continue  # a lazy object, such as flask's request, does not say what it is; a hook would
        if options is None:
            # A policy that is never asked lets everything pass.
            if attribute in specs and inspect.isroutine(inspect.getattr_static(plugin, attribute, None)):
                reason = f"{attribute} has a hook's name and no @hookimpl; mark it, or rename it"
                raise ConfigError(f"plugin {name!r}", reason)
            continue
        hook = options.get("specname") or attribute
        if hook not in specs and not options.get("optionalhook"):
            raise ConfigError(f"plugin {name!r}", no_such("hook", hook, specs))
        function = getattr(plugin, attribute)
        specified = specs[hook].argnames if hook in specs else None
        for reason in _wrong_with(function, options, hook, specified):
            raise ConfigError(f"plugin {name!r}", f"{hook} {reason}")
        yield attribute, hook, function, options


def _wrong_with(
    function: Callable[..., Any], options: _Options, hook: str, specified: Collection[str] | None
) -> Iterator[str]:
    if options.get("hookwrapper"):
        yield "is an old-style wrapper; write @hookimpl(wrapper=True)"
    if options.get("wrapper") and hook in CALLED_ONE_BY_ONE:
        yield "cannot be a wrapper: every plugin is called by itself"
    if not options.get("wrapper") and inspect.isgeneratorfunction(function):
        yield "yields, as wrappers do; did you mean @hookimpl(wrapper=True)?"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield "is async; a hook is a plain function, and may wait"
    try:
        arguments = inspect.signature(function).parameters.values() if specified is not None else ()
    except ValueError:
        return  # of something written in C, about which nothing is known
    for argument in arguments:
        needed = argument.default is argument.empty
        if argument.name in (specified or ()) and not needed:
            yield f"has a default for {argument.name}; a hook's arguments have none"
        elif argument.kind is argument.KEYWORD_ONLY and needed:
            yield f"has {argument.name} behind a *; hooks get their arguments by position"
        elif argument.kind is argument.POSITIONAL_OR_KEYWORD and needed and argument.name not in (specified or ()):
            yield f"takes {argument.name!r}: {no_such('argument', argument.name, specified or ())}"

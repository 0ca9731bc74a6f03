"""What each hook may answer: its types, and what must hold for a value. Sets no policy and calls no plugin."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from pixiecore_core.errors import PluginError
from pixiecore_core.models import (
    BootFile,
    BootSpec,
    FileRef,
    GiveUp,
    Hold,
    Ignore,
    LocalDisk,
    MachineAction,
    PageAnswer,
    Retry,
)
from pixiecore_core.plugins.telling import defined_at, in_words, invalid

ANSWERS: dict[str, tuple[type, ...]] = {
    "on_pxe_request": (Ignore,),
    "pick_offer": (str,),
    "select_boot": (BootSpec, Ignore, Hold, LocalDisk),
    "provide_bootloader": (BootFile,),
    "render_cmdline": (str,),
    "render_script": (str,),
    "on_boot_failure": (Retry, GiveUp),
    "open_boot_file": (BootFile, FileRef),
    "cmdline_functions": (dict,),
    "page": (PageAnswer,),
    "policy_in_words": (str,),
    "machine_actions": (list, tuple),
    "action": (str,),
}
"""What each hook may return besides None; the others may return nothing."""
_ALL_ASKED = {"on_pxe_request", "cmdline_functions"}
"""Hooks whose answers pluggy gathers in a list, which is what a wrapper around them sees."""
_TEXTS = {
    "render_cmdline": (r"[^\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]*", "is not one printable line"),
    "render_script": (r"#!(ipxe|gpxe)[^\x00\ud800-\udfff]*", "does not begin with #!ipxe, or has a NUL in it"),
}
_LONGEST_TEXT = 1_000_000
"""Characters of a script; iPXE would have to hold it in memory."""


def check(answer: Any, plugin: str, hook: str, function: Callable[..., Any], wrapper: bool = False) -> Any:
    """*answer*, if it is one that *hook* allows; a model of ours is made anew.

    ``model_construct``, ``model_copy`` and subclasses get past validation; and what a wrapper does to one boot's files
    must not reach the next machine.

    :param function: whose answer it is
    :param wrapper: whether it hands on what others have answered: where all are asked, a list of answers
    :raises PluginError: it is not
    """
    try:
        if wrapper and hook in _ALL_ASKED and isinstance(answer, list):
            return [check(one, plugin, hook, function) for one in answer if one is not None]
        wrong = _wrong_with(answer, hook, wrapper)
        if not wrong and hook == "machine_actions" and answer is not None:
            return [MachineAction.model_validate(dict(one)) for one in answer]
        for kind in (BootSpec, Ignore, Hold, LocalDisk, FileRef, BootFile, PageAnswer, Retry, GiveUp):
            if not wrong and isinstance(answer, kind):
                return kind.model_validate({name: getattr(answer, name) for name in kind.model_fields})
    except PluginError:
        raise
    except ValidationError as error:
        wrong = f"returned {invalid(error)}"
    except BaseException as error:  # it may be of a class of the plugin's, whose methods do what they like
        wrong = in_words(error)
    if wrong:
        raise PluginError(plugin, hook, wrong, defined_at(function))
    return answer


def _wrong_with(answer: Any, hook: str, wrapper: bool) -> str:
    """Why it is of a wrong type, or breaks a rule that no model states; empty if neither."""
    if wrapper and hook in _ALL_ASKED:
        return f"returned {type(answer).__name__}, where a wrapper must hand on a list"
    if answer is None:
        return "the wrapper returned nothing" if wrapper and hook in _TEXTS else ""
    allowed = ANSWERS.get(hook, ())
    if not isinstance(answer, allowed):
        names = " or ".join(kind.__name__ for kind in allowed) or "nothing"
        return f"returned {type(answer).__name__}; expected {names} or None"
    if isinstance(answer, str) and hook in _TEXTS:
        pattern, problem = _TEXTS[hook]
        if len(answer) > _LONGEST_TEXT or not re.fullmatch(pattern, answer):
            return f"returned a text that {problem}, or has over {_LONGEST_TEXT:,} characters"
    if hook == "machine_actions" and not all(isinstance(one, MachineAction) for one in answer):
        return "returned something other than MachineActions"
    if isinstance(answer, dict) and not all(isinstance(name, str) and callable(word) for name, word in answer.items()):
        return "returned something other than functions by name"
    return ""

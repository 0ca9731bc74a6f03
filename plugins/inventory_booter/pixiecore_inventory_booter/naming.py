"""What a profile names: its kernel and initrds, the paths of its files, and the words of other plugins.

Checks that they are there; renders nothing.
"""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable, Iterator

from pixiecore_core import expand_cmdline, nearest
from pixiecore_inventory_booter import booting
from pixiecore_inventory_booter.documents import Document, Path
from pixiecore_inventory_booter.inventory import Bootable
from pixiecore_inventory_booter.problems import Problem, reason

URL = "http://192.0.2.1/x"
"""Stands for any of our URLs (RFC 5737)."""

_FUNCTIONS: dict[str, Callable[[str], str]] = dict.fromkeys(("ID", "REPORT", "SYSLOG"), lambda text: URL)
"""What the core gives every command line."""
_OTHERS_WORDS = {"DONE": "once"}
"""Words of command lines that are known here although another plugin gives them, and that plugin."""

Place = tuple[Document, Path]


def missing_files(bootable: Bootable, folder: str, place: Place) -> Iterator[Problem]:
    document, path = place
    profile = bootable.profile
    key, started = profile.started
    named: list[tuple[Path, str]] = [((key,), started)]
    named += [(("initrd", number), initrd) for number, initrd in enumerate(profile.initrd)]
    named += [(("dtb",), profile.dtb)] if profile.dtb else []
    for name, entry in profile.files.items():
        if entry.path and name not in bootable.templates:
            named.append((("files", name), entry.path))
    for inside, text in named:
        if "{{" in text:
            continue
        if why := unreadable(text, folder):
            yield document.problem((*path, *inside), why)
        elif inside[0] != "files" and is_empty(text, folder):
            yield document.problem((*path, *inside), f"{text} is an empty file", warning=True)


def others_words(bootable: Bootable, place: Place) -> Iterator[Problem]:
    """Words of a command line that are not variables, since those have lower case, and that perhaps no plugin gives.

    Which words the plugins give shows only when a machine asks, so this is a warning.
    """
    document, path = place
    for word in left(bootable.profile.cmdline, {}):
        if word != word.upper():
            continue
        plugin = _OTHERS_WORDS.get(word)
        if plugin is None:
            near = nearest(word, _OTHERS_WORDS)
            hint = f"did you mean {near!r}?" if near else "is that plugin installed?"
        elif not importlib.metadata.entry_points(group="pixiecore", name=plugin):
            hint = f"it belongs to {plugin!r}, which is not installed here"
        else:
            continue
        message = f"its boot ends at the script (HTTP 500) unless a plugin gives the word {word!r}; {hint}"
        yield document.problem((*path, "cmdline"), message, warning=True)


def unreadable(text: str, folder: str) -> str:
    """Why a path or URL cannot be booted from; empty if it can."""
    if not text:
        return "it is empty, and must be a path or an http(s) URL"
    try:
        ref = booting.source(text, folder)
        if not ref.is_url:
            with open(ref.location, "rb") as file:
                file.read(1)
    except OSError as error:
        return f"{text} cannot be read: {error.strerror}"
    except ValueError as error:
        return reason(error)
    return ""


def is_empty(text: str, folder: str) -> bool:
    """Whether there is nothing in a file that can be read."""
    ref = booting.source(text, folder)
    return not ref.is_url and os.stat(ref.location).st_size == 0


def left(text: str, known: booting.Words) -> list[str]:
    """The words of *text* that are not known.

    :raises CmdlineError: it is malformed
    """
    lines = [expand_cmdline(line, _FUNCTIONS, known, keep_words=True) for line in text.split("\n")]
    return [part.partition("}}")[0].strip() for line in lines for part in line.split("{{")[1:]]

"""The files that a user names, in settings and in command lines: checked at start, not when the first machine boots.

Opens files only to see whether they can be read; the core opens and sends them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator

from pixiecore_core import CmdlineError, FileRef, expand_cmdline


def _file(value: object) -> object:
    return bootable_file(value) if isinstance(value, str) else value


def _template(value: object) -> object:
    if isinstance(value, str):
        named_files(value)
    return value


BootableFile = Annotated[FileRef, BeforeValidator(_file)]
"""A setting that is a file: see :func:`bootable_file`."""

CmdlineTemplate = Annotated[str, BeforeValidator(_template)]
"""A setting that is a command line, whose files exist."""


def bootable_file(text: str) -> FileRef:
    """A path, made absolute, or a URL; ``#sha256=…`` behind either says what its bytes must hash to.

    :raises ValueError: a local file is not there, or may not be read; or *text* is neither path nor http(s) URL
    """
    ref = FileRef.from_text(text if "://" in text else _absolute(text))
    if ref.is_url:
        return ref
    try:
        with open(ref.location, "rb") as file:
            file.read(1)
    except OSError as error:
        raise ValueError(f"{ref.location} cannot be read: {error.strerror}") from error
    return ref


def named(text: str) -> FileRef:
    """What a command line may name: a file, or, with a slash at its end, a folder of files.

    :raises ValueError: as :func:`bootable_file`; or the folder is none
    """
    if "://" in text or not text.endswith("/"):
        return bootable_file(text)
    folder = _absolute(text)
    if not os.path.isdir(folder):
        raise ValueError(f"{folder} is not a folder")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise ValueError(f"{folder} cannot be read: Permission denied")
    return FileRef(location=folder.rstrip("/") + "/")


def _absolute(text: str) -> str:
    return os.path.abspath(os.path.expanduser(text))


def named_files(cmdline: str) -> dict[str, FileRef]:
    """Every file and folder that the template *cmdline* names, by the name it uses. Words are let be.

    :raises ValueError: the template is malformed, or a file that it names cannot be read
    """
    files: dict[str, FileRef] = {}

    def collect(name: str) -> str:
        files[name] = named(name)
        return ""

    _expand(cmdline, collect)
    return files


def named_from(folder: str, cmdline: str) -> str:
    """The template *cmdline*, with the relative paths in it made absolute as seen from *folder*.

    :raises ValueError: the template is malformed
    """

    def whole(name: str) -> str:
        if "://" not in name:
            slash = "/" if name.endswith("/") else ""
            name = os.path.normpath(os.path.join(folder, os.path.expanduser(name))) + slash
        return "{{ ID " + _quoted(name) + " }}"

    return _expand(cmdline, whole)


def _expand(cmdline: str, files: Callable[[str], str]) -> str:
    try:
        return expand_cmdline(cmdline, {"ID": files}, keep_words=True)
    except CmdlineError as error:
        raise ValueError(str(error)) from error


def _quoted(text: str) -> str:
    """*text* as a string of the template language, which is Go's."""
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r"}
    return '"' + "".join(escapes.get(char, char) for char in text) + '"'

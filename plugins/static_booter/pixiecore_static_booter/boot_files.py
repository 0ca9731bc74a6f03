"""The files that a user names, in settings and in command lines: checked at start, not when the first machine boots.

Opens files only to see whether they can be read; the core opens and sends them.
"""

from __future__ import annotations

import os
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
    ref = FileRef.from_text(text if "://" in text else os.path.abspath(os.path.expanduser(text)))
    if ref.is_url:
        return ref
    try:
        with open(ref.location, "rb") as file:
            file.read(1)
    except OSError as error:
        raise ValueError(f"{ref.location} cannot be read: {error.strerror}") from error
    return ref


def named_files(cmdline: str) -> dict[str, FileRef]:
    """Every file that the template *cmdline* names, by the name it uses; words such as ``{{ DONE }}`` are let be.

    :raises ValueError: the template is malformed, or a file that it names cannot be read
    """
    files: dict[str, FileRef] = {}

    def collect(name: str) -> str:
        files[name] = bootable_file(name)
        return ""

    try:
        expand_cmdline(cmdline, {"ID": collect}, keep_words=True)
    except CmdlineError as error:
        raise ValueError(str(error)) from error
    return files

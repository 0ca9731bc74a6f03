"""Jinja templates, all read and compiled when the inventory is loaded: an edit is used whole or not at all.

A variable that is not there is an error, and not an empty text in somebody's user-data. Decides nothing about which
variables there are.
"""

from __future__ import annotations

import hashlib
import os
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jinja2
from jinja2 import meta
from jinja2.sandbox import SandboxedEnvironment

LONGEST = 4_000_000
"""Bytes of one template."""


class TemplateError(Exception):
    """A template that cannot be used.

    :param file: which, as it is called in the inventory; empty for a text that stands in the inventory itself
    :param undefined: whether all that is wrong is a variable that is not there
    """

    def __init__(self, file: str, line: int | None, message: str, undefined: bool = False) -> None:
        place = f"{file}{f' line {line}' if line else ''}: " if file else ""
        super().__init__(place + message)
        self.file = file
        self.line = line
        self.message = message
        self.undefined = undefined


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template."""

    name: str
    _compiled: jinja2.Template

    def render(self, variables: Mapping[str, Any], url: Callable[[str], str]) -> str:
        """The text for one machine.

        :param url: makes the URL of a file of the same profile
        :raises TemplateError: a variable is not there, or an expression fails
        """
        try:
            return self._compiled.render(variables, url=url)
        except Exception as error:
            undefined = isinstance(error, jinja2.UndefinedError)
            plain = isinstance(error, (jinja2.TemplateError, TemplateError))
            message = str(error) if plain else f"{type(error).__name__}: {error}"
            raise TemplateError(*self._place(error), message, undefined) from error

    def _place(self, error: Exception) -> tuple[str, int | None]:
        """The file and line of a template that *error* comes from."""
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            # Jinja gives each frame of a template the template's own name and line.
            if frame.filename == "<template>" or frame.filename.startswith(_MARK):
                return frame.filename.removeprefix(_MARK).removeprefix("<template>"), frame.lineno
        return self.name, None


_MARK = "inventory template "
"""Before each file name that Jinja is told, to know its frames in a traceback."""


class Templates:
    """Compiles templates below one folder.

    :param folder: absolute path
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._digest = hashlib.sha256()
        self._environment = SandboxedEnvironment(
            loader=jinja2.FunctionLoader(self._load),
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
            auto_reload=False,
            cache_size=-1,
        )

    def digest(self) -> bytes:
        """Changes when a template does that was compiled."""
        return self._digest.digest()

    def compile(self, path: str) -> Template:
        """The template at *path*, with all that it includes.

        :param path: below the folder, or absolute
        :raises TemplateError: it, or what it includes, cannot be read or is malformed
        """
        waiting, seen = [path], {path}
        while waiting:
            name = waiting.pop()
            try:
                self._environment.get_template(name)
                source, _, _ = self._load(name)
                referenced = meta.find_referenced_templates(self._environment.parse(source))
            except jinja2.TemplateSyntaxError as error:
                raise TemplateError(name, error.lineno, error.message or str(error)) from error
            except jinja2.TemplateError as error:
                raise TemplateError(name, None, str(error)) from error
            new = {one for one in referenced if one is not None} - seen
            waiting += new
            seen |= new
        return Template(path, self._environment.get_template(path))

    def compile_text(self, text: str) -> Template:
        """A template that stands in the inventory itself.

        :raises TemplateError: it is malformed
        """
        try:
            return Template("", self._environment.from_string(text))
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError("", error.lineno, f"{error.message} (line {error.lineno} of the text)") from error

    def _load(self, name: str) -> tuple[str, str, Callable[[], bool]]:
        try:
            data = read(os.path.join(self._folder, name), LONGEST)
            self._digest.update(f"{name}\0{len(data)}\0".encode() + data)
            return data.decode("utf-8"), _MARK + name, lambda: True
        except OSError as error:
            raise TemplateError(name, None, f"cannot be read: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise TemplateError(name, None, "is not UTF-8 text; with template: false it is served as it is") from error


def read(path: str, most: int) -> bytes:
    """The bytes of a regular file.

    :raises OSError: it cannot be read, is no regular file, or has over *most* bytes
    """
    # O_NONBLOCK, lest a named pipe hold us up.
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        if not os.path.isfile(f"/proc/self/fd/{file.fileno()}"):
            raise OSError(None, "it is no regular file")
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(None, f"it has over {most:,} bytes")
    return data

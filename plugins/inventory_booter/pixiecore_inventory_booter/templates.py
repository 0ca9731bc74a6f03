"""Jinja templates, all read and compiled when the inventory is loaded: an edit is used whole or not at all.

A missing variable is an error, not an empty text in a machine's user-data. Decides nothing about which
variables there are.
"""

from __future__ import annotations

import hashlib
import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import SandboxedEnvironment

LONGEST = 4_000_000
"""Bytes of one template."""


class TemplateError(Exception):
    """A template that cannot be used.

    :param file: which, as it is called in the inventory; empty for a text in the inventory itself
    """

    def __init__(self, file: str, line: int | None, message: str) -> None:
        place = f"{file}{f' line {line}' if line else ''}: " if file else ""
        super().__init__(place + message)
        self.file = file
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template."""

    name: str
    _compiled: jinja2.Template
    names: frozenset[str] = frozenset()
    """The variables that it, and what it includes, may use."""

    def render(self, variables: Mapping[str, Any], functions: Mapping[str, Callable[[str], str]]) -> str:
        """The text for one machine.

        :param functions: by name: ``url``, which makes the URL of a file of the same profile, and others
        :raises TemplateError: a variable is missing, or an expression fails
        """
        try:
            text = self._compiled.render(variables, **functions)
            text.encode()  # an expression may hold half a character, '\\ud800', which no file can
            return text
        except Exception as error:
            plain = isinstance(error, (jinja2.TemplateError, TemplateError))
            message = str(error) if plain else f"{type(error).__name__}: {error}"
            raise TemplateError(*self._place(error), message) from error

    def _place(self, error: Exception) -> tuple[str, int | None]:
        """The file and line of a template that *error* comes from."""
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            # Jinja gives each frame of a template the template's own name and line.
            if frame.filename == "<template>" or frame.filename.startswith(_MARK):
                return frame.filename.removeprefix(_MARK).removeprefix("<template>"), frame.lineno
        return self.name, None


_MARK = "inventory template "
"""Before each file name given to Jinja, to know its frames in a traceback."""


class Templates:
    """Compiles templates below one folder.

    :param folder: absolute path
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._sources: dict[str, bytes] = {}
        """Each file as it was read, once: what is parsed is what is compiled and what goes into the digest."""
        self._open = False  # only while compiling: a name that a template makes up reads no file
        self._environment = SandboxedEnvironment(
            loader=jinja2.FunctionLoader(self._load),
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
            auto_reload=False,
            cache_size=-1,
        )

    def digest(self) -> bytes:
        """Changes when a compiled template does."""
        digest = hashlib.sha256()
        for name, data in sorted(self._sources.items()):
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
        return digest.digest()

    def compile(self, path: str) -> Template:
        """The template at *path*, with all that it includes by name.

        :param path: below the folder, or absolute
        :raises TemplateError: it, or what it includes, cannot be read or is malformed
        """
        needed = {path: True}
        waiting, names = [path], set[str]()
        self._open = True
        try:
            while waiting:
                name = waiting.pop()
                found = self._compiled(name, needed[name])
                if found is None:
                    continue
                names |= meta.find_undeclared_variables(found)
                for other, is_needed in _referenced(found):
                    if other not in needed:
                        waiting.append(other)
                    needed[other] = needed.get(other, False) or is_needed
            return Template(path, self._environment.get_template(path), frozenset(names))
        finally:
            self._open = False

    def _compiled(self, name: str, is_needed: bool) -> nodes.Template | None:
        """The syntax tree of a template that is now compiled; ``None`` where it is missing and may be."""
        try:
            self._environment.get_template(name)
            return self._environment.parse(self._load(name)[0])
        except jinja2.TemplateNotFound as error:
            if is_needed:
                raise TemplateError(name, None, "is not there") from error
            return None
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(name, error.lineno, error.message or str(error)) from error
        except TemplateError:
            raise
        except Exception as error:
            # Thousands of brackets, and whatever else Python's compiler does not take.
            raise TemplateError(name, None, f"cannot be compiled: {type(error).__name__}: {error}") from error

    def compile_text(self, text: str) -> Template:
        """A template in the inventory itself.

        :raises TemplateError: it is malformed
        """
        try:
            names = meta.find_undeclared_variables(self._environment.parse(text))
            return Template("", self._environment.from_string(text), frozenset(names))
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError("", error.lineno, f"{error.message} (line {error.lineno} of the text)") from error
        except Exception as error:
            raise TemplateError("", None, f"cannot be compiled: {type(error).__name__}: {error}") from error

    def _load(self, name: str) -> tuple[str, str, Callable[[], bool]]:
        if not self._open and name not in self._sources:
            raise jinja2.TemplateNotFound(
                name, f"{name!r} was not read when the inventory was loaded: an include must be written out by name"
            )
        try:
            if name not in self._sources:
                self._sources[name] = read(os.path.join(self._folder, name), LONGEST)
            return self._sources[name].decode("utf-8"), _MARK + name, lambda: True
        except FileNotFoundError as error:
            raise jinja2.TemplateNotFound(name) from error
        except OSError as error:
            raise TemplateError(name, None, f"cannot be read: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise TemplateError(name, None, "is not UTF-8 text; with template: false it is served as it is") from error


def _referenced(tree: nodes.Template) -> Iterator[tuple[str, bool]]:
    """The templates that one names, and whether it can do without each."""
    for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        named: nodes.Node = getattr(node, "template")  # noqa: B009 - each of the four has one
        optional = getattr(node, "ignore_missing", False)
        if isinstance(named, nodes.Const) and isinstance(named.value, str):
            yield named.value, not optional
        elif isinstance(named, (nodes.List, nodes.Tuple)):
            # The first that is there.
            for item in named.items:
                if isinstance(item, nodes.Const) and isinstance(item.value, str):
                    yield item.value, False


def read(path: str, most: int) -> bytes:
    """The bytes of a regular file.

    :raises OSError: it cannot be read, is not a regular file, or has over *most* bytes
    """
    # O_NONBLOCK, so that a named pipe cannot hold us up.
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        if not os.path.isfile(f"/proc/self/fd/{file.fileno()}"):
            raise OSError(None, "it is not a regular file")
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(None, f"it has over {most:,} bytes")
    return data

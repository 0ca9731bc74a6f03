"""docs/reference/names.md: everything that a plugin and its tests may import, from docstrings and models."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import sys
from types import ModuleType
from typing import Any, get_origin

from pydantic import BaseModel

import pixiecore_core
from pixiecore_core import hookspecs, models, pytest_plugin, testing
from pixiecore_core.models.facts import Fact

from .prose import code, documented, one_line, prose

# Names that are values, and whose own docstrings would be those of their type.
_WORDS = {
    "__version__": "This Pixiecore's version.",
    "hookimpl": "Marks a function or method as the implementation of the [hook](hooks.md) of the same name.",
    "MacAddress": "A string, as a pydantic type: a MAC address in any usual spelling, kept in lower case with colons.",
}
_CALLED = {"UrlFor": "url_for", "RouteRegistrar": "routes", "CommandRegistrar": "commands"}
"""What hooks call these arguments; the other registrars are ``register``."""
_NOT_IMPORTED = {
    "Digest": "A string: the 64 hexadecimal digits of a SHA-256.",
    "Kind": "One of the strings `data`, `state` and `cache`: what the folder is for.",
    "OldRecord": "A function that makes the fields of a record from the columns of an old table's row, without the "
    "first, which is the key; `None` passes the row over. It may change the dictionary that it is given.",
    "R": "Any pydantic model.",
}
"""Names that signatures have but that are never imported."""
_INTRODUCTION = """# What a plugin imports

A plugin imports names from `pixiecore_core`, its tests also from `pixiecore_core.testing`, and nothing else of
Pixiecore: the rest may change with any release. While the version begins with 0, these names may change with its second
number; so a plugin [names the versions that it was written for](../tutorial/first-plugin.md#the-plugin)."""


def page() -> str:
    """The page."""
    parts = [_INTRODUCTION, "## `pixiecore_core`"]
    for name in sorted(pixiecore_core.__all__, key=str.lower):
        parts += [f"### `{name}`", *_describe(name, getattr(pixiecore_core, name))]
    parts += ["## `pixiecore_core.testing`", prose(inspect.getdoc(testing) or "")]
    for name in testing.__all__:
        parts += [f"### `{name}`", *_describe(name, getattr(testing, name))]
    parts += ["## Fixtures", "For pytest, wherever Pixiecore is installed; nothing to import."]
    for name in fixtures():
        parts += [f"### `{name}`", prose(inspect.getdoc(_function(name)) or "")]
    text = "\n\n".join(part for part in parts if part)
    for name in _NOT_IMPORTED:
        if not re.search(rf"\b{name}\b", text):
            raise LookupError(f"{name} is explained and does not occur")
    words = "\n".join(f"- `{name}`: {meaning}" for name, meaning in _NOT_IMPORTED.items())
    text += f"\n\n## Named but not imported\n\n{words}\n"
    return text.replace("If it raises `", "Raises `")


def fixtures() -> list[str]:
    """The fixtures that pytest finds."""
    found = [name for name, value in vars(pytest_plugin).items() if type(value).__name__ == "FixtureFunctionDefinition"]
    if not found:
        raise LookupError("no fixture was found")
    return found


def _function(name: str) -> Any:
    return getattr(pytest_plugin, name)._get_wrapped_function()


def _describe(name: str, value: Any) -> list[str]:
    if name in _WORDS:
        return [_WORDS[name]]
    words = _docstring(name, value)
    if not words:
        raise LookupError(f"{name} has no docstring")
    if inspect.isfunction(value):
        return [code(f"def {name}{_signature(value)}: ..."), prose(words)]
    if not inspect.isclass(value):
        return [code(f"{name} = {_type(value)}"), prose(words)]
    shown = [prose(words)]
    if issubclass(value, enum.Enum):
        return [*shown, _members(value)]
    if issubclass(value, Fact) and value is not Fact:
        return [f"{shown[0]} [Its fields](events.md#{name.lower()})."]
    if issubclass(value, BaseModel):
        shown.append(_fields(value))
    elif dataclasses.is_dataclass(value):
        shown.append(_attributes(value))
    return [*shown, "\n".join(_methods(value))]


def _docstring(name: str, value: Any) -> str:
    """The object's own, or the string behind its assignment wherever it is made."""
    if inspect.isclass(value) or inspect.isfunction(value):
        return inspect.cleandoc(value.__doc__ or "")
    for module in (*_modules(models), hookspecs):
        words = documented(module).get(name, "")
        if words:
            return inspect.cleandoc(words)
    return ""


def _modules(package: ModuleType) -> list[ModuleType]:
    names = sorted(name for name in sys.modules if name.startswith(f"{package.__name__}."))
    return [sys.modules[name] for name in names]


def _members(kind: type[enum.Enum]) -> str:
    words = documented(sys.modules[kind.__module__])
    rows = [f"| `{m.name}` | `{m.value}` | {one_line(words.get(f'{kind.__name__}.{m.name}', ''))} |" for m in kind]
    return "\n".join(["| member | value | |", "|---|---|---|", *rows])


def _fields(model: type[BaseModel]) -> str:
    rows = []
    for name, field in model.model_fields.items():
        default = field.get_default()
        shown = str(default) if isinstance(default, enum.Enum) else repr(default)
        shown = "needed" if field.is_required() else "" if field.default_factory else f"`{shown}`"
        annotation = inspect.get_annotations(model).get(name) or field.annotation
        rows.append(f"| `{name}` | `{one_line(_type(annotation))}` | {shown} | {one_line(field.description or '')} |")
    return "\n".join(["| field | type | default | |", "|---|---|---|---|", *rows]) if rows else ""


def _attributes(kind: type) -> str:
    words = documented(sys.modules[kind.__module__])
    rows = []
    for field in dataclasses.fields(kind):
        meaning = one_line(words.get(f"{kind.__name__}.{field.name}", ""))
        if not field.name.startswith("_"):
            rows.append(f"| `{field.name}` | `{one_line(_type(field.type))}` | {meaning} |")
    return "\n".join(["| attribute | type | |", "|---|---|---|", *rows])


def _methods(kind: type) -> list[str]:
    """What may be called or read, each with its docstring's fields as a list below it."""
    items = []
    for name, member in vars(kind).items():
        function = getattr(member, "__func__", getattr(member, "fget", member))
        words = inspect.getdoc(function) if inspect.isfunction(function) else None
        own = function.__module__ == kind.__module__ if words else False
        if not own or (name.startswith("_") and name != "__call__") or name.startswith("test_"):
            continue
        called = _CALLED.get(kind.__name__, "register") if name == "__call__" else f".{name}"
        text, *fields = prose(words or "").split("\n\n**")
        shown = called if isinstance(member, property) else f"{called}{_signature(function)}"
        items.append(f"- `{shown}`: {' '.join(text.split())}")
        items += [f"    - {' '.join(field.replace('**', '', 1).split())}" for field in fields]
    return items


def _signature(function: Any) -> str:
    """As it is written: annotations are text already."""
    shown, keyword, positional = [], False, False
    signature = inspect.signature(function)
    for name, parameter in signature.parameters.items():
        if name in ("self", "cls"):
            continue
        if positional and parameter.kind is not parameter.POSITIONAL_ONLY:
            shown.append("/")
        positional = parameter.kind is parameter.POSITIONAL_ONLY
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword:
            shown.append("*")
            keyword = True
        star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        default = "" if parameter.default is parameter.empty else f" = {_value(parameter.default)}"
        shown.append(f"{star}{name}: {parameter.annotation}{default}")
    if positional:
        shown.append("/")
    return f"({', '.join(shown)}) -> {signature.return_annotation}"


def _value(default: Any) -> str:
    return default.__name__ if inspect.isclass(default) else repr(default)


def _type(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    if get_origin(annotation) is None and inspect.isclass(annotation):
        return annotation.__name__
    return re.sub(r"\b(?:[a-z_]+\.)+(?=\w)", "", str(annotation))

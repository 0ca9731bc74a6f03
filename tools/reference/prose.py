"""Docstrings as Markdown. Knows the roles and fields that this project's docstrings use, and no others."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from types import ModuleType

_LONGEST_LINE = 120


def prose(docstring: str) -> str:
    """A docstring's text, its roles as code and its fields as paragraphs."""
    text = inline(docstring)
    text = re.sub(r"^:returns: ", "**Returns** ", text, flags=re.MULTILINE)
    text = re.sub(r"^:raises ([\w.]+): ", r"**If it raises** `\1`: ", text, flags=re.MULTILINE)
    text = re.sub(r"^:param (\w+): ", r"**`\1`** ", text, flags=re.MULTILINE)
    left = re.search(r"^:\w+.*", text, flags=re.MULTILINE)
    if left is not None:
        raise LookupError(f"{left[0]!r} is no field that is known here")
    # Each field on a paragraph of its own; continuation lines join theirs.
    text = re.sub(r"\n {4}", " ", text)
    return re.sub(r"\n+(\*\*(?:Returns|If it raises|`\w+`\*\*))", r"\n\n\1", text)


def inline(text: str) -> str:
    """Roles, code and emphasis as Markdown has them."""
    text = re.sub(r"``(.+?)``", r"`\1`", text)
    return re.sub(r":(?:class|data|mod|meth|attr|func):`~?(?:[a-z_]+\.)*([^`]+)`", r"`\1`", text)


def one_line(text: str) -> str:
    """*text* as it can stand in a cell of a table."""
    return " ".join(inline(text).split()).replace("|", "\\|")


def code(text: str, above: str = "") -> str:
    """A line of Python as a block, broken as `ruff format` would, which looks into Markdown too.

    :param above: a line that goes before it
    """
    text = text.replace("'", '"')
    parts = re.fullmatch(r"(.*?\()(.*)(\) -> .*)", text)
    if len(text) > _LONGEST_LINE and parts is not None:
        # Commas between arguments, and none within brackets.
        arguments = re.sub(r", (?=\w+:)", ",\n    ", parts[2])
        text = f"{parts[1]}\n    {arguments},\n{parts[3]}"
    return f"```python\n{above}{text}\n```"


def documented(module: ModuleType) -> dict[str, str]:
    """The strings behind a module's assignments, by name; those in its classes as ``Class.name``."""
    return dict(_documented(ast.parse(inspect.getsource(module)).body, ""))


def _documented(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, str]]:
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.ClassDef):
            yield from _documented(statement.body, f"{prefix}{statement.name}.")
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        match following:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield from ((f"{prefix}{target.id}", text) for target in targets if isinstance(target, ast.Name))

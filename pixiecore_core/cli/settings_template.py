"""A settings file to begin with: every setting that there is here, explained, commented out, with its default.

Made from the settings' models, like the options. Reads no settings.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pixiecore_core.cli.stack import Platform
from pixiecore_core.cli.toml import toml
from pixiecore_core.settings.server import ServerSettings
from pixiecore_core.settings.spelling import spelled

_INTRODUCTION = """\
Pixiecore reads this file where it is named with --config or PIXIECORE_CONFIG. The command line wins over the
environment, and that over this file. Each setting is commented out and shows its default, where there is one:
remove the mark before a line to set it. `pixiecore config --config FILE` says what that comes to."""
_BOOTER = "which booter says what machines boot; here there are: {}"


def template(platform: Platform) -> str:
    """The file."""
    booters, policies = platform.booters.classes, platform.policies.classes
    lines = [*_comment(_INTRODUCTION), "", "[server]"]
    if booters:
        names = ", ".join(sorted(booters))
        lines += ["", *_comment(_BOOTER.format(names)), f"#booter = {toml(sorted(booters)[-1])}"]
    # What the class itself declares is what most people look for.
    lines += _settings(platform.server_settings, first=ServerSettings.__annotations__)
    for kind, offered in (("booter", booters), ("plugin", policies)):
        for name, one in sorted(offered.items()):
            lines += ["", "", f"[{kind}.{name}]", *_settings(one.Settings)]
    return "\n".join(lines) + "\n"


def _settings(model: type[BaseModel], first: Iterable[str] = ()) -> Iterator[str]:
    for key in dict.fromkeys([*first, *model.model_fields]):
        field = model.model_fields[key]
        yield ""
        yield from _comment(field.description or "")
        yield f"#{key} = {_shown(field)}"


def _shown(field: FieldInfo) -> str:
    """The default as TOML says it; where there is none, what kind of value it is."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    default = None if field.is_required() else spelled(field.get_default(call_default_factory=False))
    if "shown" in extra:  # a default in words
        return toml(str(extra["shown"]))
    try:
        return toml(default)
    except ValueError:
        return toml(str(extra.get("metavar", "…")))


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 100)]

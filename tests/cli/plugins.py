"""Plugins for these tests: a policy or booter of any settings, installed into a folder as pip would."""

from __future__ import annotations

from pathlib import Path

HEAD = """
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pixiecore_core import BootSpec, Duration, FileRef, hookimpl

class Colour(Enum):
    RED = "red"
    BLUE = "blue"
"""
OFFERED = """
class {class_name}:
    name = "{name}"

    class Settings(BaseModel):
{settings}

    def __init__(self, settings):
        self.settings = settings
        {constructor}
{hook}

@hookimpl
def register_{kind}(register):
    register({class_name})
"""
SELECT = """
    @hookimpl
    def select_boot(self, machine):
        return BootSpec(kernel=FileRef(location="http://h/" + str(getattr(self.settings, "serial", "k"))))
"""


def offer(
    folder: Path, name: str, *settings: str, kind: str = "policies", constructor: str = "", plugin: str = ""
) -> None:
    """Install a plugin with a policy, or a booter, of the lines *settings* into *folder*.

    :param kind: ``policies`` or ``booters``
    :param constructor: a statement of its constructor
    :param plugin: the plugin's name, if not *name*
    """
    lines = "\n".join(f"        {line}" for line in settings or ["pass"])
    code = HEAD + OFFERED.format(
        name=name,
        class_name="Offered",
        settings=lines,
        constructor=constructor or "pass",
        kind=kind,
        hook=SELECT if kind == "booters" else "",
    )
    install(folder, plugin or name, code)


def install(folder: Path, name: str, code: str) -> None:
    """Install *code* as the plugin *name*."""
    module = f"{name.replace('-', '_')}_plugin"
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[pixiecore]\n{name} = {module}\n")

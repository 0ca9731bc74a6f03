"""The settings file: TOML with the tables ``[server]``, ``[booter.NAME]`` and ``[plugin.NAME]``.

Reads it and says what is no such table, all of it at once. Does not know which settings or plugins there are.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pixiecore_core.closest import no_such
from pixiecore_core.errors import ConfigError

_TABLES = {
    "server": "a table [server]",
    "booter": "a table [booter.NAME] for each booter; which one to use is named by booter in [server]",
    "plugin": "a table [plugin.NAME] for each plugin",
}
"""What a settings file may hold."""

Tables = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """What a settings file holds; nothing where there is none."""

    server: Mapping[str, Any] = field(default_factory=dict)
    booters: Tables = field(default_factory=dict)
    plugins: Tables = field(default_factory=dict)
    mistakes: tuple[ConfigError, ...] = ()
    """What is in it and is none of these tables."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file at *path*.

        :raises ConfigError: it cannot be read, or is not TOML
        """
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError("--config", f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            # Also numbers of thousands of digits, and brackets in thousands of brackets.
            raise ConfigError("--config", f"{path} {_what_is_wrong(error)}") from error
        server = tables.get("server", {})
        return cls(
            server if isinstance(server, dict) else {},
            _tables(tables.get("booter")),
            _tables(tables.get("plugin")),
            tuple(_mistakes(tables, path)),
        )

    @property
    def booter(self) -> str | None:
        """The booter to use: ``booter`` in ``[server]``."""
        name = self.server.get("booter")
        return str(name) if name is not None else None

    @property
    def disabled(self) -> list[str]:
        """The plugins that are left out: ``disable_plugin`` in ``[server]``, a name or a list of names."""
        names = self.server.get("disable_plugin", [])
        names = [names] if isinstance(names, str) else names
        return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _what_is_wrong(error: Exception) -> str:
    """A mistake in TOML; the likeliest, of whoever adds an example to the file that is there, in our words."""
    twice = re.search(r"Cannot declare \((.*)\) twice \(at line (\d+)", str(error))
    if twice is None:
        return f"is not TOML: {error}"
    table = ".".join(re.findall(r"'([^']*)'", twice[1]))
    return f"has the table [{table}] a second time in line {twice[2]}: put what follows into the first one"


def _tables(found: object) -> Tables:
    inner = found if isinstance(found, dict) else {}
    return {name: table for name, table in inner.items() if isinstance(table, dict)}


def _mistakes(tables: Mapping[str, Any], path: Path) -> Iterator[ConfigError]:
    for name, table in tables.items():
        if name not in _TABLES:
            # A key that stands above the first table is not a table, whatever it is called.
            where = f"[{name}]" if isinstance(table, dict) else name
            yield ConfigError(f"{where} in {path}", no_such("table", name, _TABLES))
        elif not isinstance(table, dict):
            yield ConfigError(f"{name} in {path}", f"expected {_TABLES[name]}")
        elif name != "server":
            for key, value in table.items():
                if not isinstance(value, dict):
                    yield ConfigError(f"[{name}] {key} in {path}", f"expected {_TABLES[name]}")
        else:
            disabled = table.get("disable_plugin", "")
            names = disabled if isinstance(disabled, list) else [disabled]
            if not all(isinstance(one, str) for one in names):
                yield ConfigError("[server] disable_plugin", "expected the name of a plugin, or a list of names")

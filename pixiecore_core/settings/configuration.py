"""The one way in: every command asks a :class:`Configuration` for its settings, and is told all mistakes at once.

Brings together which settings there are, what the command line gave, the environment and the settings file. Parses no
arguments and opens no file; what the values mean is the models' business.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from pixiecore_core.closest import no_such
from pixiecore_core.errors import ConfigError
from pixiecore_core.settings.file import SettingsFile
from pixiecore_core.settings.layers import Layers
from pixiecore_core.settings.mistakes import together
from pixiecore_core.settings.names import option_name, variable_name
from pixiecore_core.settings.server import ServerSettings

M = TypeVar("M", bound=BaseModel)
Models = Mapping[str, type[BaseModel]]

READ_EARLIER = ("booter", "disable_plugin")
"""Keys of ``[server]`` that are not fields of its model: they decide which settings there are."""


@dataclass(frozen=True, slots=True)
class Known:
    """Which settings there are here, as models."""

    server: type[ServerSettings] = ServerSettings
    booters: Models = field(default_factory=dict)
    """By the booters' names."""
    policies: Models = field(default_factory=dict)
    """By the policies' names."""
    disabled: Collection[str] = ()
    """Plugins that are left out; the tables of their booters and policies are left aside."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a command line gave, each value by its field's name."""

    server: Mapping[str, Any] = field(default_factory=dict)
    booter: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    """What the booter's settings are called on this command line, where that is not their option's name."""
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Section:
    """One table of settings: its model, and the layers that its values come from."""

    kind: Literal["server", "booter", "plugin"]
    name: str
    """Empty for the server."""
    model: type[BaseModel]
    layers: Layers


@dataclass(frozen=True, slots=True)
class Settled:
    """All settings of a server, valid."""

    server: ServerSettings
    booter: BaseModel | None
    """``None`` where no booter was chosen."""
    policies: dict[str, BaseModel]
    """By the policies' names."""


class Configuration:
    """Everything that was set for one command.

    :param booter: the name of the chosen booter, if there is one; it must be known
    """

    def __init__(
        self,
        known: Known,
        file: SettingsFile,
        environment: Mapping[str, str],
        given: Given | None = None,
        booter: str | None = None,
    ) -> None:
        self._known = known
        self._file = file
        self._environment = environment
        self._given = given or Given()
        self._booter = booter

    def sections(self) -> Iterator[Section]:
        """The tables that count for this command: the server's, the chosen booter's, each policy's by name."""
        known, given, environment = self._known, self._given, self._environment
        layers = Layers(given.server, environment, self._file.server, also=READ_EARLIER)
        yield Section("server", "", known.server, layers)
        if self._booter is not None:
            table = self._file.booters.get(self._booter, {})
            layers = Layers(given.booter, environment, table, f"[booter.{self._booter}]", self._booter, given.arguments)
            yield Section("booter", self._booter, known.booters[self._booter], layers)
        for name, model in sorted(known.policies.items()):
            # A policy's options begin with its name.
            options = {key: option_name(f"{name}_{key}") for key in model.model_fields}
            table = self._file.plugins.get(name, {})
            layers = Layers(given.policies.get(name, {}), environment, table, f"[plugin.{name}]", name, options)
            yield Section("plugin", name, model, layers)

    def settle(self, so_far: Sequence[ConfigError] = ()) -> Settled:
        """All settings.

        :param so_far: mistakes that are known already, to be told with the others
        :raises ConfigError: there are mistakes; :class:`pixiecore_core.errors.ConfigErrors` where there are several
        """
        mistakes = [*so_far, *self.misnamed()]
        made: dict[tuple[str, str], Any] = {}
        for section in self.sections():
            try:
                made[section.kind, section.name] = section.layers.resolve(section.model)
            except ConfigError as error:
                mistakes.append(error)
        if mistakes:
            raise together(mistakes)
        booter = made["booter", self._booter] if self._booter is not None else None
        policies = {name: settings for (kind, name), settings in made.items() if kind == "plugin"}
        return Settled(made["server", ""], booter, policies)

    def part(self, model: type[M], only: Collection[str] | None = None) -> M:
        """Some of the server's settings, for a command that serves nothing: no other values are looked at.

        :param model: has fields of the server's model only
        :param only: those of its fields that count, where not all do
        :raises ConfigError: a value is unusable, or ``[server]`` holds what the server has not
        """
        server = next(self.sections())
        keys = set(model.model_fields if only is None else only)
        variables = {variable_name("", key) for key in keys}
        layers = Layers(
            {key: value for key, value in self._given.server.items() if key in keys},
            {name: text for name, text in self._environment.items() if name in variables},
            {key: value for key, value in server.layers.table.items() if key in keys},
        )
        mistakes = [*self._file.mistakes, *server.layers.unknown(server.model)]
        try:
            made = layers.resolve(model)
        except ConfigError as error:
            mistakes.append(error)
        if mistakes:
            raise together(mistakes)
        return made

    def misnamed(self) -> Iterator[ConfigError]:
        """What the settings file has and nobody reads: tables, and keys in them.

        The tables of booters that are not used count too: their values may be meant for another host, but no host has
        a setting of that name.
        """
        yield from self._file.mistakes
        for section in self.sections():
            yield from section.layers.unknown(section.model)
        for name, table in self._file.booters.items():
            if name in self._known.booters and name != self._booter:
                yield from Layers(table=table, title=f"[booter.{name}]").unknown(self._known.booters[name])
        yield from self._strange("booter", self._file.booters, self._known.booters)
        yield from self._strange("plugin", self._file.plugins, self._known.policies)

    def _strange(self, kind: str, tables: Collection[str], known: Models) -> Iterator[ConfigError]:
        names = {*known, *self._known.disabled}
        for name in tables:
            if name not in names:
                yield ConfigError(f"[{kind}.{name}]", no_such(kind, name, names))

"""Merges what was set for one model: the command line wins, then the environment, then the settings file.

The same for the server's own settings and any plugin's. Reads no file and no environment by itself; which layers there
are is said by configuration.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pixiecore_core.closest import nearest, no_such
from pixiecore_core.errors import ConfigError, PixiecoreError
from pixiecore_core.settings.mistakes import Mistake, culprit, mistakes_in, together
from pixiecore_core.settings.names import is_list, option_name, variable_name

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Layers:
    """The values that were given for one model, layer on layer, and what each is called there."""

    given: Mapping[str, Any] = field(default_factory=dict)
    """What the command line gave, by field name."""
    environment: Mapping[str, str] = field(default_factory=dict)
    table: Mapping[str, Any] = field(default_factory=dict)
    """Of the settings file."""
    title: str = "[server]"
    """What the table is called in messages."""
    section: str = ""
    """The booter's or policy's name; empty for the server's own settings."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """What a value is called on this command line, where that is not its option's name."""
    also: Collection[str] = ()
    """What else the table may hold, for others to read."""

    def gather(self, model: type[BaseModel]) -> tuple[dict[str, Any], dict[str, str]]:
        """Every value that was given for *model*, not validated yet, and where; unknown keys are passed over."""
        values: dict[str, Any] = {}
        written: dict[str, str] = {}
        for key, info in model.model_fields.items():
            several = is_list(info)
            if key in self.table:
                value = self.table[key]
                values[key] = [value] if several and isinstance(value, str) else value
                written[key] = f"{self.title} {key}"
            variable = variable_name(self.section, key)
            if self.environment.get(variable):
                text = self.environment[variable]
                values[key] = [part.strip() for part in text.split(",")] if several else text
                written[key] = variable
            if key in self.given:
                values[key], written[key] = self.given[key], self.called(key)
        return values, written

    def unknown(self, model: type[BaseModel]) -> Iterator[ConfigError]:
        """A mistake for each key of the table that *model* lacks."""
        known = [*model.model_fields, *self.also]
        for key in self.table:
            if key not in known:
                yield ConfigError(f"{self.title} {key}", no_such("setting", key, known))

    def resolve(self, model: type[M]) -> M:
        """A *model* from all layers.

        :raises ConfigError: values are unusable, missing or unknown; each named as the user wrote it
        """
        values, written = self.gather(model)
        unknown = list(self.unknown(model))
        try:
            made = model(**values)
        except ValidationError as error:
            told = [self._told(mistake, written) for mistake in self._worth_telling(mistakes_in(error, values), model)]
            raise together([*unknown, *told]) from error
        except (PixiecoreError, KeyboardInterrupt):
            raise
        except BaseException as error:
            key = culprit(model, values)
            reason = f"could not be checked ({type(error).__name__}: {error})"
            raise together([*unknown, ConfigError(self._name(key, written), reason)]) from error
        if unknown:
            raise together(unknown)
        return made

    def called(self, key: str) -> str:
        """What a setting is called on the command line."""
        return self.arguments.get(key, option_name(key))

    def _worth_telling(self, mistakes: list[Mistake], model: type[BaseModel]) -> list[Mistake]:
        """Without those that follow from a misspelt key: it is told of, and its setting is not missing, too."""
        known = [*model.model_fields, *self.also]
        meant = {nearest(key, known) for key in self.table if key not in known}
        return [mistake for mistake in mistakes if mistake.kind != "missing" or mistake.key not in meant]

    def _told(self, mistake: Mistake, written: Mapping[str, str]) -> ConfigError:
        key, reason = mistake.key, mistake.reason
        if mistake.kind == "missing" and not mistake.inner:
            reason += f"; give it here, as {variable_name(self.section, key)} or as {key} in {self.title}"
        elif mistake.kind == "table":
            reason += f", which can only stand in the settings file, as {key} in {self.title}"
        return ConfigError(self._name(key, written) + mistake.inner, reason)

    def _name(self, key: str, written: Mapping[str, str]) -> str:
        """What the user wrote a setting as, or would."""
        return written.get(key, self.called(key)) if key else self.title

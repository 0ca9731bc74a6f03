"""Finds installed plugins and the booters they offer, and picks the one booter that the user named.

An entry point in group ``pixiecore`` names a module. A plugin that cannot be loaded stops the start, by name: a policy
that silently does not run is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points, version
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel

from pixiecore_core.closest import no_such
from pixiecore_core.errors import ConfigError
from pixiecore_core.plugins.telling import in_words
from pixiecore_core.plugins.watching import loading

GROUP = "pixiecore"
CORE_DISTRIBUTION = "pixiecore-core"

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""Of a booter or policy: it becomes part of options, environment variables and TOML tables."""
NAME_IN_WORDS = "lower-case letters, digits and single dashes, and begin with a letter, such as rack-policy"


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A plugin's module, and where it came from."""

    name: str
    distribution: str
    version: str
    module: object


@dataclass(slots=True)
class Offered:
    """The classes of one kind that plugins offer, by name: booters or policies.

    :param kind: what they are called in messages
    """

    kind: str
    classes: dict[str, type[Any]] = field(default_factory=dict)

    def __call__(self, offered: type[Any], /) -> None:
        """Offer a class (this object is what ``register_booters`` or ``register_policies`` is given).

        :raises ConfigError: it lacks what it needs, or its name is taken
        """
        name = getattr(offered, "name", None)
        settings = getattr(offered, "Settings", None)
        if not isinstance(offered, type):
            raise ConfigError(f"{self.kind} {type(offered).__name__}", "give the class itself, not an object of it")
        if not isinstance(name, str):
            raise ConfigError(f"{self.kind} {offered.__name__}", "needs 'name', a string")
        if not (isinstance(settings, type) and issubclass(settings, BaseModel)):
            raise ConfigError(f"{self.kind} {offered.__name__}", "needs 'Settings', a pydantic model")
        if not NAME.fullmatch(name):
            raise ConfigError(f"{self.kind} {name!r}", f"its name must be {NAME_IN_WORDS}")
        if name in self.classes:
            raise ConfigError(f"{self.kind} {name!r}", "two installed plugins offer it; remove one")
        self.classes[name] = offered


class Booters(Offered):
    """The booter classes that plugins offer."""

    def __init__(self) -> None:
        super().__init__("booter")

    def choose(self, name: str | None) -> type[Any]:
        """The class the user named with ``--booter``.

        :raises ConfigError: none was named, or none has that name
        """
        if name is None:
            none = "none; install a plugin that has one, such as pixiecore-static-booter"
            installed = ", ".join(sorted(self.classes)) or none
            raise ConfigError("--booter", f"say which booter decides what machines boot; installed: {installed}")
        if name not in self.classes:
            raise ConfigError("--booter", no_such("booter", name, self.classes))
        return self.classes[name]


class Policies(Offered):
    """The policy classes that plugins offer."""

    def __init__(self) -> None:
        super().__init__("policy")


def load(disabled: Mapping[str, str] | None = None) -> list[LoadedPlugin]:
    """Import every installed plugin that is not *disabled*, by name.

    :param disabled: names, and where each was given, such as ``--disable-plugin``
    :raises ConfigError: a plugin cannot be imported, or a disabled one is not installed
    """
    points = _points()
    left_out = disabled or {}
    installed = {point.name for point in points}
    for name, where in left_out.items():
        if name not in installed:
            raise ConfigError(where, no_such("installed plugin", name, installed))
    return [
        LoadedPlugin(
            point.name,
            point.dist.name if point.dist else "?",
            point.dist.version if point.dist else "?",
            _import(point),
        )
        for point in points
        if point.name not in left_out
    ]


def _check_version(point: EntryPoint) -> None:
    """What a plugin's distribution requires of pixiecore-core is the contract it was written for.

    pip sees to it too, unless it was told not to, or the core was upgraded behind the plugin's back.

    :raises ConfigError: this core does not satisfy it
    """
    if point.dist is None:
        return
    for text in point.dist.requires or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise ConfigError(
                f"plugin {point.name!r} of {point.dist.name} {point.dist.version}",
                f"its requirement {text!r} cannot be read; repair its metadata, or use --disable-plugin",
            ) from error
        if canonicalize_name(requirement.name) != CORE_DISTRIBUTION or (
            requirement.marker is not None and not requirement.marker.evaluate()
        ):
            continue
        if not requirement.specifier.contains(core_version(), prereleases=True):
            raise ConfigError(
                f"plugin {point.name!r} of {point.dist.name} {point.dist.version}",
                f"is for {CORE_DISTRIBUTION} {requirement.specifier}, and this is {core_version()}; "
                "upgrade it, or use --disable-plugin",
            )


def core_version() -> str:
    """This core's version, which plugins name in their requirements."""
    return version(CORE_DISTRIBUTION)


def _points() -> list[EntryPoint]:
    # An editable install may be listed twice, once by its folder and once by its link.
    unique = {(point.name, point.value): point for point in entry_points(group=GROUP)}
    return sorted(unique.values(), key=lambda point: point.name)


def _import(point: EntryPoint) -> object:
    if point.name == "core" or not NAME.fullmatch(point.name):
        why = "is the server's own name" if point.name == "core" else f"must be {NAME_IN_WORDS}"
        raise ConfigError(
            f"plugin {point.name!r}", f"the name of its entry point {why}; rename it, or use --disable-plugin"
        )
    _check_version(point)
    try:
        with loading(point.name, "import"):
            plugin: object = point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit() would end us with status 0 and no message
        distribution = f" of {point.dist.name}" if point.dist else ""
        raise ConfigError(
            f"plugin {point.name!r}{distribution}",
            f"cannot be loaded ({in_words(error)}); repair or remove it, or use --disable-plugin",
        ) from error
    if issubclass(type(plugin), type):  # what isinstance asks may raise
        raise ConfigError(
            f"plugin {point.name!r}",
            f"its entry point {point.value!r} names a class; name its module, which offers the class with "
            "register_booters or register_policies, or use --disable-plugin",
        )
    return plugin

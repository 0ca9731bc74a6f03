"""Loads a folder into an :class:`~pixiecore_inventory_booter.inventory.Inventory`, or says what is wrong with it.

The YAML and TOML files at the top of the folder are read in the order of their names; any other file is used only if
they name it. Blocking calls: for a thread, while a server runs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from pixiecore_core import CmdlineError, expand_cmdline, no_such
from pixiecore_inventory_booter import booting, documents, schema
from pixiecore_inventory_booter.documents import Document, Path, written
from pixiecore_inventory_booter.inventory import NO_DEFAULT, Bootable, Group, Inventory, Target
from pixiecore_inventory_booter.problems import InventoryError, Problem
from pixiecore_inventory_booter.templates import TemplateError, Templates, read
from pixiecore_inventory_booter.trial import Places, trial

_ENDINGS = (".yaml", ".yml", ".toml")


@dataclass(slots=True)
class Loaded:
    """A usable inventory."""

    inventory: Inventory
    digest: str
    """Changes when anything that was read does."""
    warnings: list[Problem] = field(default_factory=list)


def load(folder: str) -> Loaded:
    """The inventory in *folder*.

    :param folder: absolute path
    :raises InventoryError: it cannot be used; names every mistake that could be found
    """
    read_files = _read(folder)
    problems: list[Problem] = []
    parts = []
    for name, data in read_files:
        try:
            document = documents.parse(name, data)
            parts.append((document, _validated(document)))
        except InventoryError as error:
            problems += error.problems
    if problems:
        # What is in the other files may refer to what could not be read here.
        raise InventoryError(problems)
    if not any(part.profiles or part.machines or part.groups or part.default for _, part in parts):
        # Files that were emptied, or are not written yet; to let no machine boot, say default: ignore.
        raise InventoryError([Problem(folder, "holds no profile, machine, group or default")])
    builder = _Builder(folder, parts)
    inventory = builder.build()
    problems = builder.problems or list(trial(inventory, folder, builder.places))
    errors = [problem for problem in problems if not problem.warning]
    if errors:
        raise InventoryError(errors)
    digest = hashlib.sha256(repr(read_files).encode() + builder.templates.digest()).hexdigest()
    return Loaded(inventory, digest, problems)


def _read(folder: str) -> list[tuple[str, bytes]]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(_ENDINGS) and not name.startswith("."))
    except OSError as error:
        raise InventoryError([Problem(folder, f"cannot be read: {error.strerror}")]) from error
    if not names:
        raise InventoryError([Problem(folder, "holds no .yaml, .yml or .toml file")])
    files, problems = [], []
    for name in names:
        try:
            files.append((name, read(os.path.join(folder, name), documents.LONGEST)))
        except OSError as error:
            problems.append(Problem(name, f"cannot be read: {error.strerror or error}"))
    if problems:
        raise InventoryError(problems)
    return files


def _validated(document: Document) -> schema.Inventory:
    # Where YAML's anchors may be, for others to refer to.
    values = {key: value for key, value in document.values.items() if not key.startswith("x-")}
    try:
        return schema.Inventory.model_validate(values)
    except ValidationError as error:
        raise InventoryError([_problem(document, one) for one in error.errors()]) from error


def _problem(document: Document, error: Any) -> Problem:
    path = _path(document.values, error["loc"], error["type"])
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return document.problem(path, no_such("key", str(path[-1]), _keys(path[:-1])))
    if error["type"] == "missing":
        return document.problem(path[:-1], f"{path[-1]} is missing")
    return document.problem(path, message[:1].lower() + message[1:])


def _path(values: Any, location: tuple[str | int, ...], kind: str) -> Path:
    """Where in the file a mistake is; pydantic also counts what exists only in the models."""
    path: list[str | int] = []
    for position, part in enumerate(location):
        last = position == len(location) - 1
        inside = isinstance(values, dict) and part in values
        inside |= isinstance(values, list) and isinstance(part, int) and part < len(values)
        if inside:
            values = values[part]
            path.append(part)
        elif last and kind == "missing":
            path.append(part)
    return tuple(path)


_MODELS: dict[tuple[str, ...], type[BaseModel]] = {
    (): schema.Inventory,
    ("profiles", "*"): schema.Profile,
    ("profiles", "*", "files", "*"): schema.FileEntry,
    ("machines", "*"): schema.Machine,
    ("groups", "*"): schema.Group,
    ("groups", "*", "match"): schema.Match,
}


def _keys(path: Path) -> list[str]:
    """What may be where."""
    for pattern, model in _MODELS.items():
        if len(pattern) == len(path) and all(wanted in ("*", part) for wanted, part in zip(pattern, path, strict=True)):
            return list(model.model_fields)
    return []


class _Builder:
    """Puts the parts of all files together."""

    def __init__(self, folder: str, parts: list[tuple[Document, schema.Inventory]]) -> None:
        self._folder = folder
        self._parts = parts
        self.templates = Templates(folder)
        self.problems: list[Problem] = []
        self.places = Places()

    def build(self) -> Inventory:
        """The inventory, as far as there are no problems."""
        profiles = dict(self._profiles())
        targets, machines = self._machines(profiles)
        return Inventory(
            targets=targets,
            machines=machines,
            groups=list(self._groups(profiles)),
            default=self._default(profiles),
            profiles=profiles,
            variables=self._variables(),
        )

    def _profiles(self) -> Iterator[tuple[str, Bootable]]:
        for document, part in self._parts:
            for name, profile in part.profiles.items():
                path: Path = ("profiles", name)
                if name == schema.IGNORE:
                    self._tell(document, path, f"{name!r} means not booting, so it cannot name a profile")
                if name in self.places.profiles:
                    other, there = self.places.profiles[name]
                    self._tell(document, path, f"is in {other.name} too ({written(there)})")
                self.places.profiles[name] = document, path
                templates = dict(self._templates(document, path, profile))
                yield name, Bootable(name, profile, templates, self._ids(document, (*path, "cmdline"), profile))

    def _templates(self, document: Document, path: Path, profile: schema.Profile) -> Iterator[tuple[str, Any]]:
        for name, entry in profile.files.items():
            if not entry.template or "://" in entry.path:
                continue
            try:
                if entry.text is not None:
                    yield name, self.templates.compile_text(entry.text)
                else:
                    yield name, self.templates.compile(entry.path)
            except TemplateError as error:
                if error.file:
                    self.problems.append(Problem(error.file, error.message, error.line))
                else:
                    self._tell(document, (*path, "files", name), error.message)

    def _ids(self, document: Document, path: Path, profile: schema.Profile) -> tuple[str, ...]:
        """The files and folders that a command line names."""
        ids: list[str] = []

        def collect(name: str) -> str:
            booting.check_file(Bootable("", profile, {}, ()), name)
            ids.append(name)
            return ""

        try:
            expand_cmdline(profile.cmdline, {"ID": collect}, keep_words=True)
        except (CmdlineError, TemplateError) as error:
            self._tell(document, path, str(error))
        return tuple(dict.fromkeys(ids))

    def _machines(self, profiles: dict[str, Bootable]) -> tuple[dict[str, Target], list[schema.Machine]]:
        targets: dict[str, Target] = {}
        machines: list[schema.Machine] = []
        taken: dict[object, str] = {}
        for document, part in self._parts:
            for number, entry in enumerate(part.machines):
                path: Path = ("machines", number)
                names = [("name", entry.name.lower()), *(("mac", mac) for mac in entry.mac)]
                names += [("uuid", str(entry.uuid))] if entry.uuid else []
                names += [("serial", entry.serial.strip().casefold())] if entry.serial else []
                for key, value in names:
                    if (key, value) in taken:
                        self._tell(document, (*path, key), f"{value} is already {taken[key, value]!r}'s")
                    taken[key, value] = entry.name
                self.places.machines.setdefault(entry.name, (document, path))
                machines.append(entry)
                if entry.local:
                    targets[entry.name] = Target(None, f"{entry.name!r} says local", local=True)
                elif entry.profile:
                    target = self._target(document, (*path, "profile"), entry.profile, profiles, f"{entry.name!r}")
                    targets[entry.name] = target
        return targets, machines

    def _groups(self, profiles: dict[str, Bootable]) -> Iterator[Group]:
        for document, part in self._parts:
            for number, group in enumerate(part.groups):
                path: Path = ("groups", number)
                self.places.groups.append((document, path))
                why = f"group {group.name!r}" if group.name else f"{written(path)} in {document.name}"
                if group.local:
                    yield Group(group.match, Target(None, f"{why} says local", group.vars, local=True))
                    continue
                target = self._target(document, (*path, "profile"), group.profile, profiles, why)
                yield Group(group.match, Target(target.bootable, target.why, group.vars))

    def _default(self, profiles: dict[str, Bootable]) -> Target:
        target = NO_DEFAULT
        for document, part in self._parts:
            if part.default is None:
                continue
            if self.places.default is not None:
                self._tell(document, ("default",), f"is in {self.places.default[0].name} too")
            self.places.default = document, ("default",)
            target = self._target(document, ("default",), part.default, profiles, "the default")
        return target

    def _variables(self) -> dict[str, Any]:
        variables: dict[str, Any] = {}
        for document, part in self._parts:
            for name, value in part.vars.items():
                if name in variables:
                    self._tell(document, ("vars", name), "is in another file too")
                variables[name] = value
        return variables

    def _target(self, document: Document, path: Path, name: str, profiles: dict[str, Bootable], who: str) -> Target:
        """What a rule leads to; *who* says whose rule it is."""
        if name == schema.IGNORE:
            return Target(None, f"{who} says {schema.IGNORE}")
        if name not in profiles:
            self._tell(document, path, no_such("profile", name, [*profiles, schema.IGNORE]))
        return Target(profiles.get(name), who)

    def _tell(self, document: Document, path: Path, message: str) -> None:
        self.problems.append(document.problem(path, message))

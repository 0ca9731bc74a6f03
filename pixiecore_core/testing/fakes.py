"""Booters for tests of other plugins: one boots every machine, one none, one fails, one is slow. And what
a machine of each architecture is, and how a plugin's class is made from settings.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import gevent
from pydantic import BaseModel

from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.firmware.rows import Architecture
from pixiecore_core.hookspecs import hookimpl
from pixiecore_core.models import BootSpec, FileRef, Ignore, Machine
from pixiecore_core.settings.layers import Layers

T = TypeVar("T")


def architecture(code: int) -> Architecture:
    """What the core's table of firmware says of an IANA code, for a machine of a test: 0 for BIOS, 7 for UEFI x64."""
    return KNOWN.architecture(code)


def configured(offered: type[T], **settings: object) -> T:
    """A booter or policy, constructed as Pixiecore would from its table in a settings file.

    :param offered: its class
    :param settings: what the table holds; a text may stand for a list of one, as there
    :raises ConfigError: a setting is unusable, missing or unknown, with the words that a user sees
    """
    name, model = getattr(offered, "name", ""), getattr(offered, "Settings", None)
    assert isinstance(model, type), f"{offered!r} needs Settings, a pydantic model"
    layers = Layers(table=settings, title=f"[plugin.{name}]", section=name)
    make: Callable[[BaseModel], T] = offered
    return make(layers.resolve(model))


class FixedBooter:
    """Boots every machine into the same system.

    :param spec: what; a kernel that consists of this file if not given
    """

    name = "fixed"

    def __init__(self, spec: BootSpec | None = None) -> None:
        self.spec = spec or BootSpec(kernel=FileRef(location=str(Path(__file__).resolve())), cmdline="quiet")

    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec:
        """The spec."""
        return self.spec


class EmptyBooter:
    """Boots no machine."""

    name = "empty"

    @hookimpl
    def select_boot(self, machine: Machine) -> Ignore:
        """Always a refusal."""
        return Ignore(reason="nobody boots here")


class BrokenBooter:
    """Raises for every machine."""

    name = "broken"

    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec:
        """Never an answer."""
        raise RuntimeError("this booter is broken")


class SlowBooter(FixedBooter):
    """Boots every machine, after a while.

    :param seconds: how long each answer takes
    """

    name = "slow"

    def __init__(self, seconds: float, spec: BootSpec | None = None) -> None:
        super().__init__(spec)
        self.seconds = seconds

    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec:
        """The spec, later."""
        gevent.sleep(self.seconds)
        return self.spec

"""Pixiecore plugin: boots each machine from the network once, then stands aside until it is armed again.

Works over any booter. This module only registers; see :mod:`pixiecore_once.policy` and :mod:`pixiecore_once.command`.
"""

from __future__ import annotations

from pixiecore_core import CommandRegistrar, PolicyRegistrar, hookimpl
from pixiecore_once.policy import Once, OnceSettings

__all__ = ["Once", "OnceSettings"]


@hookimpl
def register_policies(register: PolicyRegistrar) -> None:
    """Offer the policy."""
    register(Once)


@hookimpl
def register_commands(commands: CommandRegistrar) -> None:
    """Add ``pixiecore once``."""
    from pixiecore_once.command import once

    commands.add(once)

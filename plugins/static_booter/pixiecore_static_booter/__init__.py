"""Pixiecore plugin: boots every machine into one kernel, or into a distribution's installer by name.

This module only registers the booters ``static`` and ``quick``, and the commands ``pixiecore boot`` and
``pixiecore quick`` over them.
"""

from __future__ import annotations

from pixiecore_core import BooterRegistrar, CommandRegistrar, hookimpl
from pixiecore_static_booter.booter import StaticBooter, StaticSettings
from pixiecore_static_booter.quick import QuickBooter, QuickSettings

__all__ = ["QuickBooter", "QuickSettings", "StaticBooter", "StaticSettings"]


@hookimpl
def register_booters(register: BooterRegistrar) -> None:
    """Offer ``--booter static`` and ``--booter quick``."""
    register(StaticBooter)
    register(QuickBooter)


@hookimpl
def register_commands(commands: CommandRegistrar) -> None:
    """Add ``pixiecore boot`` and ``pixiecore quick``."""
    from pixiecore_static_booter.command import BOOT_ARGUMENTS, QUICK_ARGUMENTS, boot, quick

    commands.add_serving(boot, "static", BOOT_ARGUMENTS)
    commands.add_serving(quick, "quick", QUICK_ARGUMENTS)

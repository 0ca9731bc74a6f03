"""Pixiecore plugin: boots every machine into one kernel, or into a distribution's installer by its name.

This module only registers the booters ``static`` and ``quick``, and the commands ``pixiecore boot`` and
``pixiecore quick`` over them.
"""

from __future__ import annotations

import click

from pixiecore_core import BooterRegistrar, hookimpl
from pixiecore_static_booter.booter import StaticBooter, StaticSettings
from pixiecore_static_booter.quick import QuickBooter, QuickSettings

__all__ = ["QuickBooter", "QuickSettings", "StaticBooter", "StaticSettings"]


@hookimpl
def register_booters(register: BooterRegistrar) -> None:
    """Offer ``--booter static`` and ``--booter quick``."""
    register(StaticBooter)
    register(QuickBooter)


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Add ``pixiecore boot`` and ``pixiecore quick``."""
    from pixiecore_static_booter.command import boot, quick

    cli.add_command(boot)
    cli.add_command(quick)

"""Pixiecore plugin: boots every machine into one kernel, and adds the ``pixiecore boot`` command.

This module only registers; see :mod:`pixiecore_static_booter.booter` and :mod:`pixiecore_static_booter.command`.
"""

from __future__ import annotations

import click

from pixiecore_core import BooterRegistrar, hookimpl
from pixiecore_static_booter.booter import StaticBooter, StaticSettings

__all__ = ["StaticBooter", "StaticSettings"]


@hookimpl
def register_booters(register: BooterRegistrar) -> None:
    """Offer ``--booter static``."""
    register(StaticBooter)


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Add ``pixiecore boot``."""
    from pixiecore_static_booter.command import boot

    cli.add_command(boot)

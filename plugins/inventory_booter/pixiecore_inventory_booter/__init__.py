"""Pixiecore plugin: boots machines by a folder of YAML or TOML: profiles, machines, groups, templates.

This module only registers; see :mod:`pixiecore_inventory_booter.booter` and :mod:`pixiecore_inventory_booter.command`.
"""

from __future__ import annotations

from pixiecore_core import BooterRegistrar, CommandRegistrar, hookimpl
from pixiecore_inventory_booter.booter import InventoryBooter, InventorySettings

__all__ = ["InventoryBooter", "InventorySettings"]


@hookimpl
def register_booters(register: BooterRegistrar) -> None:
    """Offer ``--booter inventory``."""
    register(InventoryBooter)


@hookimpl
def register_commands(commands: CommandRegistrar) -> None:
    """Add ``pixiecore inventory``."""
    from pixiecore_inventory_booter.command import inventory

    commands.add(inventory)

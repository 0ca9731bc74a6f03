"""Pixiecore plugin: asks an HTTP API what each machine boots, and adds the ``pixiecore api`` command.

This module only registers; see :mod:`pixiecore_api_booter.booter` and :mod:`pixiecore_api_booter.command`.
"""

from __future__ import annotations

from pixiecore_api_booter.booter import ApiBooter
from pixiecore_api_booter.settings import ApiSettings
from pixiecore_core import BooterRegistrar, CommandRegistrar, hookimpl

__all__ = ["ApiBooter", "ApiSettings"]


@hookimpl
def register_booters(register: BooterRegistrar) -> None:
    """Offer ``--booter api``."""
    register(ApiBooter)


@hookimpl
def register_commands(commands: CommandRegistrar) -> None:
    """Add ``pixiecore api``."""
    from pixiecore_api_booter.command import api

    commands.add_serving(api, "api", {"url": "SERVER"})

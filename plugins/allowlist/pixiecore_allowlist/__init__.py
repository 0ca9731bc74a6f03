"""Pixiecore plugin: only listed or approved machines boot; the others wait, and can be approved while they do.

Works over any booter, and does nothing until it is configured. This module only registers; see
:mod:`pixiecore_allowlist.policy` and :mod:`pixiecore_allowlist.command`.
"""

from __future__ import annotations

from pixiecore_allowlist.policy import Allowlist
from pixiecore_allowlist.settings import AllowlistSettings
from pixiecore_core import CommandRegistrar, PolicyRegistrar, hookimpl

__all__ = ["Allowlist", "AllowlistSettings"]


@hookimpl
def register_policies(register: PolicyRegistrar) -> None:
    """Offer the policy."""
    register(Allowlist)


@hookimpl
def register_commands(commands: CommandRegistrar) -> None:
    """Add ``pixiecore allowlist``."""
    from pixiecore_allowlist.command import allowlist

    commands.add(allowlist)

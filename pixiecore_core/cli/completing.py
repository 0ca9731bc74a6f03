"""What a shell may complete beyond the words of the command line: the names of booters and processors.

Asks nothing but what is installed.
"""

from __future__ import annotations

import click

from pixiecore_core.cli.stack import Platform
from pixiecore_core.firmware.processors import PROCESSORS


def booters(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """For ``--booter``."""
    platform: Platform = ctx.find_root().obj
    return [name for name in sorted(platform.booters.classes) if name.startswith(incomplete)]


def processors(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """For ``--arch``: the usual name of each."""
    return [name for name in PROCESSORS if name.startswith(incomplete)]

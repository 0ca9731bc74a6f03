"""What the TFTP server serves, and how its transfers are told in the log and in a machine's timeline.

The names are the first stage's; see :mod:`pixiecore_core.net.first_stage`. Speaks no TFTP.
"""

from __future__ import annotations

from dataclasses import dataclass

from pixiecore_core.observe.recorder import Recorder
from pixiecore_core.plugins.manager import PluginManager


@dataclass(slots=True)
class TftpFiles:
    """Opens files for the TFTP server and reports its transfers."""

    plugins: PluginManager
    recorder: Recorder

"""Writes the script that a machine boots by: asks what it boots, then has command line and script rendered.

The one order of these questions, for the server, the dry run and the kit. Knows no HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass

from pixiecore_core.boot.paths import FAILED_PATH
from pixiecore_core.engine.deciding import Decider
from pixiecore_core.engine.going_local import script_to_disk
from pixiecore_core.engine.policy import Policy, PolicyFailed
from pixiecore_core.errors import BootFileError, CmdlineError, PluginError
from pixiecore_core.models import BootSpec, Hold, Ignore, LocalDisk, Machine, UrlFor


@dataclass(frozen=True, slots=True)
class Script:
    """What a machine is sent."""

    text: str
    cmdline: str
    """The kernel command line in it; empty for the user's own script."""
    to_disk: LocalDisk | None = None
    """The decision by which it sends the machine on to its own disk."""
    cannot: str = ""
    """Why it only says that it cannot."""


@dataclass(frozen=True, slots=True)
class ScriptWriter:
    """Writes scripts.

    :param policy: renders them
    :param decider: says what a machine boots
    """

    policy: Policy
    decider: Decider

    def write(self, machine: Machine, urls: UrlFor) -> Script | Ignore | Hold | PolicyFailed:
        """The script of *machine*, or why it gets none."""
        decision = self.decider.decide_script(machine)
        if isinstance(decision, LocalDisk):
            return self.to_disk(machine, decision, urls)
        return self.render(machine, decision, urls) if isinstance(decision, BootSpec) else decision

    def to_disk(self, machine: Machine, decision: LocalDisk, urls: UrlFor) -> Script:
        """The script that sends *machine* on to its own disk."""
        text, cannot = script_to_disk(machine, decision, urls.page(FAILED_PATH))
        return Script(text, "", decision, cannot)

    def render(self, machine: Machine, spec: BootSpec, urls: UrlFor) -> Script | PolicyFailed:
        """The script that boots *machine* into *spec*."""
        try:
            # The user's own script is sent as it is, and has no command line.
            cmdline = "" if spec.ipxe_script else self.policy.render_cmdline(machine, spec, urls)
            return Script(self.policy.render_script(machine, spec, cmdline, urls), cmdline)
        except (PluginError, CmdlineError, BootFileError) as error:
            return PolicyFailed(error)

"""What the engine asks: every question of policy, as methods of the object that answers them.

The plugin manager fits it, and so does a table of answers in a test. States the questions; answers none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pixiecore_core.errors import BootFileError, CmdlineError, PluginError
from pixiecore_core.models import (
    BootFile,
    BootSpec,
    FileRef,
    GiveUp,
    Hold,
    Ignore,
    LocalDisk,
    Machine,
    PxeRequest,
    Retry,
    UrlFor,
)
from pixiecore_core.models.facts import StepFailed


class Policy(Protocol):
    """See :mod:`pixiecore_core.hookspecs`, whose contract each question is.

    Where a plugin fails, a method raises :class:`PluginError`, and has reported it.
    """

    def on_pxe_request(self, request: PxeRequest) -> Ignore | None:
        """A refusal, or ``None``. Raises nothing: a plugin that fails refuses the request."""

    def pick_offer(self, request: PxeRequest, variants: Sequence[str]) -> str | None:
        """The name of the variant that the request is answered with, or ``None``. Raises nothing."""

    def select_boot(self, machine: Machine) -> BootSpec | Ignore | Hold | LocalDisk:
        """What the machine boots. :raises PluginError: a plugin failed"""

    def provides_bootloaders(self) -> bool:
        """Whether first-stage files may come from elsewhere than this system's folders."""

    def provide_bootloader(self, loader: str, machine: Machine) -> BootFile | None:
        """The first-stage file. :raises BootFileError: it cannot be opened"""

    def render_cmdline(self, machine: Machine, spec: BootSpec, url_for: UrlFor) -> str:
        """The kernel command line. :raises PluginError: a plugin failed :raises CmdlineError: it is malformed"""

    def render_script(self, machine: Machine, spec: BootSpec, cmdline: str, url_for: UrlFor) -> str:
        """The iPXE script. :raises PluginError: a plugin failed"""

    def on_boot_failure(self, machine: Machine, failure: StepFailed, failures: int) -> Retry | GiveUp:
        """What a machine does whose script has failed. Raises nothing."""

    def open_boot_file(self, ref: FileRef, mac: str | None, url_for: UrlFor) -> BootFile:
        """The opened file. :raises PluginError: a plugin failed :raises BootFileError: it cannot be opened"""


@dataclass(frozen=True, slots=True)
class PolicyFailed:
    """There is no answer, because something broke: a value, so that all callers treat it alike."""

    error: PluginError | CmdlineError | BootFileError

    @property
    def reason(self) -> str:
        """What went wrong, for the log and the machine's timeline."""
        return self.error.reason if isinstance(self.error, PluginError) else str(self.error)

    @property
    def words(self) -> str:
        """What the machine is told."""
        return self.error.told if isinstance(self.error, PluginError) else str(self.error)


Decision = BootSpec | Hold | Ignore | LocalDisk | PolicyFailed
"""What asking comes to."""

"""Pixiecore: network-boot Linux beside the DHCP server you already have.

These are the public names, all that a plugin may import (its tests may add :mod:`pixiecore_core.testing`).
Importing this package patches nothing and opens nothing.
"""

from typing import TYPE_CHECKING

from pixiecore_core.architectures import Architecture, FirmwareFamily, Transport, processor
from pixiecore_core.boot.cmdline import expand as expand_cmdline
from pixiecore_core.closest import no_such
from pixiecore_core.errors import (
    BootFileError,
    BootFileNotFound,
    BootFileNotReady,
    BootFileTimeout,
    CmdlineError,
    ConfigError,
    PixiecoreError,
    StateError,
    StateMissing,
)
from pixiecore_core.files.folders import user_folder
from pixiecore_core.files.state_file import StateFile
from pixiecore_core.hookspecs import (
    BooterRegistrar,
    CmdlineFunction,
    Page,
    PolicyRegistrar,
    RouteRegistrar,
    UrlFor,
    hookimpl,
)
from pixiecore_core.models import (
    BootFile,
    BootSpec,
    ByteSource,
    Client,
    Event,
    EventKind,
    FileRef,
    Firmware,
    Hold,
    Ignore,
    MacAddress,
    Machine,
    PageAnswer,
    PageRequest,
    Purpose,
    PxeRequest,
)
from pixiecore_core.state.records import PendingChange, RecordChanges, Records
from pixiecore_core.state.store import StateStore

if TYPE_CHECKING:
    from pixiecore_core.cli.serve import serving_command

__version__ = "0.1.0"

__all__ = [
    "Architecture",
    "BootFile",
    "BootFileError",
    "BootFileNotFound",
    "BootFileNotReady",
    "BootFileTimeout",
    "BootSpec",
    "BooterRegistrar",
    "ByteSource",
    "Client",
    "CmdlineError",
    "CmdlineFunction",
    "ConfigError",
    "Event",
    "EventKind",
    "FileRef",
    "Firmware",
    "FirmwareFamily",
    "Hold",
    "Ignore",
    "MacAddress",
    "Machine",
    "Page",
    "PageAnswer",
    "PageRequest",
    "PendingChange",
    "PixiecoreError",
    "PolicyRegistrar",
    "Purpose",
    "PxeRequest",
    "RecordChanges",
    "Records",
    "RouteRegistrar",
    "StateError",
    "StateFile",
    "StateMissing",
    "StateStore",
    "Transport",
    "UrlFor",
    "__version__",
    "expand_cmdline",
    "hookimpl",
    "no_such",
    "processor",
    "serving_command",
    "user_folder",
]


def __getattr__(name: str) -> object:
    """Load ``serving_command`` when it is first asked for: it needs the whole server, and gevent."""
    if name == "serving_command":
        from pixiecore_core.cli.serve import serving_command

        return serving_command
    raise AttributeError(name)

"""Pixiecore: network-boot Linux beside the DHCP server you already have.

These are the public names, all that a plugin may import (its tests may add :mod:`pixiecore_core.testing`).
Importing this package patches nothing and opens nothing.
"""

from pixiecore_core.boot.cmdline import expand as expand_cmdline
from pixiecore_core.closest import nearest, no_such
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
from pixiecore_core.firmware.processors import processor
from pixiecore_core.firmware.rows import Architecture, Firmware, FirmwareFamily, Loader, Transport
from pixiecore_core.hookspecs import (
    BooterRegistrar,
    CmdlineFunction,
    CommandRegistrar,
    FirmwareRegistrar,
    Page,
    PolicyRegistrar,
    Reporter,
    RouteRegistrar,
    hookimpl,
)
from pixiecore_core.models import (
    BootFile,
    BootSpec,
    ByteSource,
    Client,
    Fact,
    FileRef,
    Hold,
    Ignore,
    MacAddress,
    Machine,
    PageAnswer,
    PageRequest,
    Purpose,
    PxeRequest,
    UrlFor,
)
from pixiecore_core.models.facts import (
    Booting,
    Failed,
    FileSent,
    Held,
    Ignored,
    InitrdSent,
    KernelSent,
    LoaderSent,
    Noted,
    Offered,
    PluginFailed,
    PxeAnswered,
    Refused,
    ScriptOffered,
    ScriptSent,
)
from pixiecore_core.settings.durations import Duration
from pixiecore_core.state.records import PendingChange, RecordChanges, Records
from pixiecore_core.state.store import StateStore

__version__ = "0.2.0"

__all__ = [
    "Architecture",
    "BootFile",
    "BootFileError",
    "BootFileNotFound",
    "BootFileNotReady",
    "BootFileTimeout",
    "BootSpec",
    "BooterRegistrar",
    "Booting",
    "ByteSource",
    "Client",
    "CmdlineError",
    "CmdlineFunction",
    "CommandRegistrar",
    "ConfigError",
    "Duration",
    "Fact",
    "Failed",
    "FileRef",
    "FileSent",
    "Firmware",
    "FirmwareFamily",
    "FirmwareRegistrar",
    "Held",
    "Hold",
    "Ignore",
    "Ignored",
    "InitrdSent",
    "KernelSent",
    "Loader",
    "LoaderSent",
    "MacAddress",
    "Machine",
    "Noted",
    "Offered",
    "Page",
    "PageAnswer",
    "PageRequest",
    "PendingChange",
    "PixiecoreError",
    "PluginFailed",
    "PolicyRegistrar",
    "Purpose",
    "PxeAnswered",
    "PxeRequest",
    "RecordChanges",
    "Records",
    "Refused",
    "Reporter",
    "RouteRegistrar",
    "ScriptOffered",
    "ScriptSent",
    "StateError",
    "StateMissing",
    "StateStore",
    "Transport",
    "UrlFor",
    "__version__",
    "expand_cmdline",
    "hookimpl",
    "nearest",
    "no_such",
    "processor",
    "user_folder",
]

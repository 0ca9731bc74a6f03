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
)
from pixiecore_core.files.folders import user_folder
from pixiecore_core.files.state_file import StateFile
from pixiecore_core.firmware.processors import processor
from pixiecore_core.firmware.rows import Architecture, Firmware, FirmwareFamily, Loader, Transport
from pixiecore_core.hookspecs import (
    BooterRegistrar,
    CmdlineFunction,
    CommandRegistrar,
    FirmwareRegistrar,
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
    Hold,
    Ignore,
    MacAddress,
    Machine,
    PageAnswer,
    PageRequest,
    Purpose,
    PxeRequest,
)

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
    "CommandRegistrar",
    "ConfigError",
    "Event",
    "EventKind",
    "FileRef",
    "Firmware",
    "FirmwareFamily",
    "FirmwareRegistrar",
    "Hold",
    "Ignore",
    "Loader",
    "MacAddress",
    "Machine",
    "Page",
    "PageAnswer",
    "PageRequest",
    "PixiecoreError",
    "PolicyRegistrar",
    "Purpose",
    "PxeRequest",
    "RouteRegistrar",
    "StateFile",
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

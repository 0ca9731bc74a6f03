"""Every error the project raises, in one tree.

    PixiecoreError
    ├── WireError          the remote sent bytes that are not the protocol (reason, offset)
    ├── ConfigError        the user gave something unusable (option, reason); exit status 2
    │   └── ConfigErrors       several such mistakes, told at once (mistakes)
    ├── StartError         the machine refuses: a port in use, a missing capability; exit status 1
    ├── PluginError        a plugin misbehaved (plugin, hook, reason)
    ├── CmdlineError       a command-line template cannot be expanded (position, reason)
    ├── StateError         what must outlive the process cannot be read or written now
    │   └── StateMissing       there is nothing yet that a command could read; exit status 1
    └── BootFileError      a boot file is not available (reason); 502 or TFTP error 0
        ├── BootFileNotFound   it does not exist; 404 or TFTP error 1
        ├── BootFileTimeout    upstream does not answer in time; 504
        └── BootFileNotReady   it is still on its way (seconds); 503 with Retry-After

"Not a boot request" and "do not boot" are values (:class:`pixiecore_core.models.Ignore`), never exceptions.
Imports nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Sequence


class PixiecoreError(Exception):
    """Base of all errors of Pixiecore; never raised itself."""


class WireError(PixiecoreError):
    """Bytes from the network that do not follow their protocol.

    The only exception that a parser in :mod:`pixiecore_core.wire` raises.

    :param reason: what is wrong, as a phrase without a capital or a full stop
    :param offset: where in the datagram, in bytes from its start; ``None`` where no single place is to blame
    """

    def __init__(self, reason: str, offset: int | None = None) -> None:
        super().__init__(reason if offset is None else f"{reason} (at byte {offset})")
        self.reason = reason
        self.offset = offset


class ConfigError(PixiecoreError):
    """A setting the user gave cannot be used. The CLI prints it and exits with status 2.

    :param option: the option, variable or key as the user wrote it, such as ``--kernel``
    :param reason: what is wrong with it and what to do
    """

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"{option}: {reason}")
        self.option = option
        self.reason = reason


class ConfigErrors(ConfigError):
    """Several settings cannot be used. The CLI prints a line for each and exits with status 2.

    :param mistakes: each of them; the first gives :attr:`option` and :attr:`reason`
    """

    def __init__(self, mistakes: Sequence[ConfigError]) -> None:
        super().__init__(mistakes[0].option, mistakes[0].reason)
        self.mistakes = tuple(mistakes)

    def __str__(self) -> str:
        return "\n".join(map(str, self.mistakes))


class StartError(PixiecoreError):
    """The server cannot start on this machine as it is. The CLI prints it and exits with status 1."""


class PluginError(PixiecoreError):
    """A plugin raised, hung, or returned what its hook does not allow.

    :param plugin: the plugin's name as ``pixiecore plugins`` lists it
    :param hook: the hook it was called for
    :param reason: what happened
    :param place: where in the plugin's own code, as ``/path/policy.py, line 12``; empty where it is not known
    """

    def __init__(self, plugin: str, hook: str, reason: str, place: str = "") -> None:
        super().__init__(f"plugin {plugin!r}, hook {hook}: {reason}")
        self.plugin = plugin
        self.hook = hook
        self.reason = reason
        self.place = place

    @property
    def told(self) -> str:
        """What a machine is told: the reason, which may hold anything, is for the log."""
        return f"plugin {self.plugin!r} failed; the server's log says why"


class CmdlineError(PixiecoreError):
    """A kernel command-line template cannot be expanded.

    :param reason: what is wrong
    :param position: zero-based index of the offending character in the template
    """

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(f"{reason} (at character {position + 1} of the command line)")
        self.reason = reason
        self.position = position


class StateError(PixiecoreError):
    """What must outlive the process cannot be read or written at the moment; the message says where it is and why."""


class StateMissing(StateError):
    """There is nothing yet that could be read, and nothing may be made. The CLI prints it and exits with status 1."""


class BootFileError(PixiecoreError):
    """A boot file cannot be read or fetched; the message says why."""


class BootFileNotFound(BootFileError):
    """A boot file does not exist."""


class BootFileTimeout(BootFileError):
    """Another server, which has the file, does not answer in time."""


class BootFileNotReady(BootFileError):
    """A boot file is still on its way to us, and the client should ask again.

    :param reason: what it is waiting for
    :param seconds: how long it should wait before it asks again
    """

    def __init__(self, reason: str, seconds: int) -> None:
        super().__init__(reason)
        self.seconds = seconds
